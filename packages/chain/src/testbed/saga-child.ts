/** Runs the saga of `ledger.ts` once, with its undo records in a store; started to be killed. */
import { type TargetResolver, targetBySending } from "@catena/pipeline";
import { openStore } from "@catena/store";
import { createWireTransport } from "@catena/upstream";
import { compileChain } from "../compile-chain.ts";
import { runChain } from "../run/run-chain.ts";
import { createUndoLog, recordsIn } from "../saga/undo-log.ts";
import { createSurvivingState } from "../surviving-state.ts";
import { directTargets } from "./direct-targets.ts";
import { sagaConf } from "./ledger.ts";
import { plainRequest } from "./plain-request.ts";

/**
 * Where the undo records are, where the services are, at which step's call the client leaves, and after
 * the answer to which call, counted from 0, the process ends itself.
 */
const [storeUrl = "", ledgerUrl = "", leavesAt = "", diesAfter = ""] = process.argv.slice(2);
let calls = 0;
const store = openStore(storeUrl);
const request = plainRequest();
const direct = directTargets({}, createWireTransport());
const targets: TargetResolver = {
  upstream: () => null,
  uri: (uri) => {
    const target = direct.uri(uri);
    if (target === null) return null;
    return targetBySending(async (call) => {
      const index = calls++;
      if (leavesAt !== "" && call.target === `/do/${leavesAt}`)
        request.cancel.cancel("client-gone");
      const reply = await target.send(call);
      if (diesAfter === String(index)) process.kill(process.pid, "SIGKILL");
      return reply;
    });
  },
};
const { value: chain } = compileChain(sagaConf(ledgerUrl), {
  id: "saga",
  targets,
  chain: () => null,
  state: createSurvivingState("routes/saga"),
  undo: { log: createUndoLog(recordsIn(store)), report: () => undefined },
});
if (chain === undefined) process.exit(2);
const outcome = await runChain(chain, request);
process.exit(outcome.kind === "reply" && outcome.status === 201 ? 0 : 1);
