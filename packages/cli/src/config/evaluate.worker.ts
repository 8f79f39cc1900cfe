/**
 * Evaluates config files in a realm of its own (docs/decisions/0003): started afresh for every
 * evaluation, so that a changed file is read again, and ended by the parent when it takes too long.
 */
import "./config-modules.ts";
import { resolve, sep } from "node:path";
import { compile } from "@catena/dsl";
import type { Issue } from "@catena/errors";
import { checkExpression } from "@catena/expr";
import { plugins } from "@catena/plugins";
import { describeFailure, ownCode } from "./describe-failure.ts";
import type { EvaluationOutcome, EvaluationReply, EvaluationRequest } from "./evaluation.ts";

declare const self: Worker;

// What a config prints must not end up in the JSON that `catena compile` prints.
console.log = console.error;
console.info = console.error;

self.onmessage = async (event: MessageEvent<EvaluationRequest>) => {
  const reply: EvaluationReply = { ...(await evaluate(event.data)), loaded: findLoaded() };
  self.postMessage(reply);
};

/** Bun keeps ES modules in this cache too. */
function findLoaded(): readonly string[] {
  return Object.keys(require.cache).filter(
    (file) =>
      file.startsWith("/") &&
      !file.startsWith(ownCode) &&
      !file.includes(`${sep}node_modules${sep}`),
  );
}

async function evaluate(request: EvaluationRequest): Promise<EvaluationOutcome> {
  const modules: object[] = [];
  const issues: Issue[] = [];
  for (const file of request.files) {
    try {
      const module: unknown = await import(resolve(file));
      if (typeof module === "object" && module !== null) modules.push(module);
    } catch (error) {
      issues.push(...describeFailure(error, file));
    }
  }
  if (issues.length > 0) return { kind: "issues", issues };
  const [file = ""] = request.files;
  switch (request.want) {
    case "resources":
      return compileAll(modules, request.target);
    case "default":
      return takeDefault(modules[0], file);
    case "cases": {
      const { runFileCases } = await import("./run-file-cases.ts");
      return runFileCases(modules[0] ?? {}, file, request.only);
    }
  }
}

function takeDefault(module: object | undefined, file: string): EvaluationOutcome {
  if (module !== undefined && "default" in module) {
    // Structured cloning refuses functions with an error nobody understands; JSON leaves them out.
    return { kind: "default", value: JSON.parse(JSON.stringify(module.default) ?? "null") };
  }
  return {
    kind: "issues",
    issues: [
      {
        path: "",
        code: "CONFIG_NO_DEFAULT",
        message: `${file} has no default export`,
        expected: "export default defineGateway({ … })",
      },
    ],
  };
}

function compileAll(modules: readonly object[], target: "catena" | "apisix"): EvaluationOutcome {
  const { value, issues } = compile(modules, {
    registry: plugins.registry,
    checkExpression,
    target,
  });
  return value === undefined ? { kind: "issues", issues } : { kind: "resources", resources: value };
}
