import type { LoadRequest } from "../scenario.ts";

export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** Sends a scenario's request once, on a connection of its own. @throws when nobody answers. */
export async function requestOnce(
  port: number,
  request: LoadRequest,
  pathIndex = 0,
): Promise<Answer> {
  const response = await fetch(`http://127.0.0.1:${port}${request.paths[pathIndex] ?? "/"}`, {
    method: request.method,
    headers: request.headers,
    body: request.body,
    keepalive: false,
    redirect: "manual",
    signal: AbortSignal.timeout(20_000),
  });
  return { status: response.status, body: await response.text() };
}

/** Whether the request is answered with 2xx now; a refused connection is a plain no. */
export async function isAnswered(port: number, request: LoadRequest): Promise<boolean> {
  try {
    const { status } = await requestOnce(port, request);
    return status >= 200 && status < 300;
  } catch {
    return false;
  }
}
