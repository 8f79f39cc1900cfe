import {
  castGrpcError,
  EtcdAuthenticationFailedError,
  EtcdPermissionDeniedError,
  GRPCDeadlineExceededError,
  GRPCUnauthenticatedError,
  isRecoverableError,
} from "etcd3";
import { HandlerFault } from "../watch-delivery.ts";

export interface EtcdFailure {
  /** Groups reasons, so that a retry failing in a slightly different way is not news. */
  readonly cause: "unreachable" | "auth" | "handler" | "refused";
  readonly reason: string;
}

/** Sorts and words whatever a call or stream failed with. */
export function toEtcdFailure(thrown: unknown): EtcdFailure {
  if (!(thrown instanceof Error)) return { cause: "refused", reason: String(thrown) };
  if (thrown instanceof HandlerFault) return { cause: "handler", reason: thrown.message };
  const error = castGrpcError(thrown);
  if (error instanceof EtcdAuthenticationFailedError) {
    return { cause: "auth", reason: "authentication failed: wrong user name or password" };
  }
  if (error instanceof EtcdPermissionDeniedError) {
    return { cause: "auth", reason: "permission denied" };
  }
  if (error instanceof GRPCUnauthenticatedError) {
    return { cause: "auth", reason: "the authentication token was not accepted" };
  }
  if (error instanceof GRPCDeadlineExceededError) {
    return { cause: "unreachable", reason: "no answer in time" };
  }
  const reason = withoutGrpcPrefix(error.message);
  return { cause: isTransportFailure(error) ? "unreachable" : "refused", reason };
}

/** Whether another member of the cluster, or the same one later, may answer. */
export function isTransportFailure(error: unknown): boolean {
  return error instanceof Error && isRecoverableError(castGrpcError(error));
}

/** `GRPCUnavailableError: 14 UNAVAILABLE: reason. Resolution note: ` -> `reason.` */
function withoutGrpcPrefix(message: string): string {
  return message
    .replace(/^(?:\w+: )?(?:\d+ [A-Z_]+: )?/, "")
    .replace(/\s*Resolution note:.*$/s, "")
    .trim();
}
