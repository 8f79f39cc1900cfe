/**
 * Evaluates config files in a realm of its own (docs/decisions/0003): started afresh for every
 * evaluation, so that a changed file is read again, and ended by the parent when it takes too long.
 */
import { resolve, sep } from "node:path";
import * as dsl from "@catena/dsl";
import { type Checked, type Issue, isGatewayError, type SourcePosition } from "@catena/errors";
import { checkExpression } from "@catena/expr";
import { plugins } from "@catena/plugins";
import * as typebox from "@sinclair/typebox";
import type { EvaluationOutcome, EvaluationReply, EvaluationRequest } from "./evaluation.ts";

declare const self: Worker;

// A config file may lie anywhere: what it imports of ours is this realm's own copy, found by name.
Bun.plugin({
  name: "catena-configs",
  setup(build) {
    build.module("@catena/dsl", () => ({ exports: { ...dsl }, loader: "object" }));
    build.module("@sinclair/typebox", () => ({ exports: { ...typebox }, loader: "object" }));
    build.module("@catena/gateway", () => ({
      exports: { defineGateway: (settings: unknown) => settings },
      loader: "object",
    }));
  },
});

// What a config prints must not end up in the JSON that `catena compile` prints.
console.log = console.error;
console.info = console.error;

/** Frames of our own code are no place in a config. */
const ownCode = resolve(import.meta.dir, "../../..") + sep;

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
  if (request.want === "default") return takeDefault(modules[0], request.files[0] ?? "");
  return compileAll(modules, request.target);
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
  const { value, issues }: Checked<readonly dsl.CompiledResource[]> = dsl.compile(modules, {
    registry: plugins.registry,
    checkExpression,
    target,
  });
  if (value === undefined) return { kind: "issues", issues };
  return { kind: "resources", resources: value };
}

/** Syntax errors come as an AggregateError of messages with positions, one by one or alone. */
function describeFailure(error: unknown, file: string): Issue[] {
  if (isGatewayError(error)) {
    const { source } = error.details;
    return [
      {
        path: "",
        code: error.code,
        message: error.message,
        source: isPosition(source) ? source : startOf(file),
      },
    ];
  }
  if (error instanceof AggregateError && error.errors.length > 0) {
    return error.errors.flatMap((one) => describeFailure(one, file));
  }
  const message = error instanceof Error || hasMessage(error) ? error.message : String(error);
  return [
    {
      path: "",
      code: "CONFIG_FAILED",
      message: `the config file can't be evaluated: ${message}`,
      source: positionOf(error, file),
    },
  ];
}

function positionOf(error: unknown, file: string): SourcePosition {
  if (typeof error === "object" && error !== null && "position" in error) {
    const { position } = error;
    if (isPosition(position)) {
      return { file: position.file || file, line: position.line, column: position.column };
    }
  }
  const stack = error instanceof Error ? (error.stack ?? "") : "";
  for (const line of stack.split("\n")) {
    const match = /\(?((?:file:\/\/)?\/[^\s()]+):(\d+):(\d+)\)?$/.exec(line.trim());
    if (match === null) continue;
    const [, path = "", row, column] = match;
    const at = path.replace(/^file:\/\//, "");
    if (at.startsWith(ownCode) && at !== resolve(file)) continue;
    return { file: at, line: Number(row), column: Number(column) };
  }
  return startOf(file);
}

function startOf(file: string): SourcePosition {
  return { file: resolve(file), line: 1, column: 1 };
}

function isPosition(value: unknown): value is SourcePosition {
  return (
    typeof value === "object" &&
    value !== null &&
    "file" in value &&
    typeof value.file === "string" &&
    "line" in value &&
    typeof value.line === "number" &&
    "column" in value &&
    typeof value.column === "number"
  );
}

function hasMessage(value: unknown): value is { readonly message: string } {
  return (
    typeof value === "object" &&
    value !== null &&
    "message" in value &&
    typeof value.message === "string"
  );
}
