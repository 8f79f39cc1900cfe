/** Runs the saga of `ledger.ts` once, with its undo records in a store; started to be killed. */
import type { TargetResolver } from "@catena/pipeline";
import { openStore } from "@catena/store";
import { createWireTransport } from "@catena/upstream";
import { compileChain } from "../compile-chain.ts";
import { runChain } from "../run/run-chain.ts";
import { createUndoLog, recordsIn } from "../saga/undo-log.ts";
import { createSurvivingState } from "../surviving-state.ts";
import { directTargets } from "./direct-targets.ts";
import { sagaConf } from "./ledger.ts";
import { plainRequest } from "./plain-request.ts";

/** Where the undo records are, where the services are, and at which step's call the client leaves. */
const [storeUrl = "", ledgerUrl = "", leavesAt = ""] = process.argv.slice(2);
const store = openStore(storeUrl);
const request = plainRequest();
const direct = directTargets({}, createWireTransport());
const targets: TargetResolver = {
  upstream: () => null,
  uri: (uri) => {
    const target = direct.uri(uri);
    if (target === null) return null;
    return {
      send: (call) => {
        if (leavesAt !== "" && call.target === `/do/${leavesAt}`)
          request.cancel.cancel("client-gone");
        return target.send(call);
      },
    };
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
