/**
 * Evaluates config files in a realm of its own (docs/decisions/0003): started afresh for every
 * evaluation, so that a changed file is read again, and ended by the parent when it takes too long.
 */
import { resolve } from "node:path";
import * as dsl from "@catena/dsl";
import { type Checked, type Issue, isGatewayError, type SourcePosition } from "@catena/errors";
import { checkExpression } from "@catena/expr";
import { plugins } from "@catena/plugins";
import * as typebox from "@sinclair/typebox";
import type { EvaluatedResource, EvaluationReply, EvaluationRequest } from "./evaluation.ts";
import { formatPosition } from "./format-position.ts";

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

self.onmessage = async (event: MessageEvent<EvaluationRequest>) => {
  self.postMessage(await evaluate(event.data));
};

async function evaluate(request: EvaluationRequest): Promise<EvaluationReply> {
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

function takeDefault(module: object | undefined, file: string): EvaluationReply {
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

function compileAll(modules: readonly object[], target: "catena" | "apisix"): EvaluationReply {
  const { value, issues }: Checked<readonly dsl.CompiledResource[]> = dsl.compile(modules, {
    registry: plugins.registry,
    checkExpression,
    target,
  });
  if (value === undefined) return { kind: "issues", issues };
  return {
    kind: "resources",
    resources: value.map(
      (resource): EvaluatedResource => ({
        kind: resource.kind,
        id: resource.id,
        value: resource.value,
        place: resource.source === undefined ? null : formatPosition(resource.source),
      }),
    ),
  };
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
    if (path.includes("/packages/") && !path.endsWith(file)) continue;
    return { file: path.replace(/^file:\/\//, ""), line: Number(row), column: Number(column) };
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
