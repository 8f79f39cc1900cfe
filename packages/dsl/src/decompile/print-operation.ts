import {
  isStoredOperation,
  isStoredReference,
  operators,
  type StoredOperation,
  type StoredValue,
} from "@catena/ir";
import { arrayDoc, callDoc, type Doc, use } from "./doc.ts";
import {
  type Accepts,
  OBJECTS,
  OPERATOR_HELPERS,
  SCALARS,
  SLOTS,
  type SourceKind,
} from "./operator-helpers.ts";
import { printPath } from "./print-path.ts";
import type { Printed } from "./value-scope.ts";

/** How arguments are printed where the operation stands. */
export interface Printer {
  value(arg: StoredValue): Printed;
  /** As `stored<any>(…)`. */
  raw(arg: StoredValue): Doc;
  /** For a slot that takes some kinds. */
  for(arg: StoredValue, accepts: Accepts): Doc;
}

type Print = (args: readonly StoredValue[], print: Printer) => Printed | null;

/** Operators whose helper takes its arguments in another way. */
const SPECIAL: Readonly<Record<string, Print>> = {
  coalesce: printCoalesce,
  get: printGet,
  header: ([step, name], print) =>
    printOfStep({ helper: "header", kind: "maybe-string" }, step, name, print),
  headers: ([step, name], print) =>
    printOfStep({ helper: "headers", kind: "opaque" }, step, name, print),
  jsonata: printJsonata,
  merge: printMerge,
  object: printObject,
  omit: (args, print) => printNamed("omit", args, print),
  or: printOr,
  pick: (args, print) => printNamed("pick", args, print),
  status: ([step], print) =>
    printOfStep({ helper: "status", kind: "maybe-number" }, step, undefined, print),
  tpl: printTemplate,
};

/** The call of an operator's helper; `null` when it would not be stored as this operation. */
export function printOperation({ $op, args }: StoredOperation, print: Printer): Printed | null {
  const special = Object.hasOwn(SPECIAL, $op) ? SPECIAL[$op] : undefined;
  if (special !== undefined) return special(args, print);
  const helper = Object.hasOwn(OPERATOR_HELPERS, $op) ? OPERATOR_HELPERS[$op] : undefined;
  if (helper === undefined) return null;
  const docs = args.map((arg, index) =>
    print.for(arg, helper.params[Math.min(index, helper.params.length - 1)] ?? SLOTS.anything),
  );
  return { doc: callDoc(use(helper.helper), ...docs), kind: helper.result };
}

/** `or(value, default)`, which would be a condition if its first argument were one. */
function printCoalesce(args: readonly StoredValue[], print: Printer): Printed | null {
  const [first] = args;
  if (first === undefined) return null;
  const printed = args.map((arg) => print.value(arg));
  const isUndescribed = printed.some(({ kind }) => kind === "any");
  const name =
    args.length === 2 && printed[0]?.kind === "any" && !isCondition(first) ? "or" : "coalesce";
  return {
    doc: callDoc(use(name), ...args.map((arg) => print.for(arg, SLOTS.anything))),
    kind: isUndescribed ? "any" : "opaque",
  };
}

function printOr(args: readonly StoredValue[], print: Printer): Printed | null {
  const [first] = args;
  if (first === undefined) return null;
  // Written out, it would make `or` a condition only if it is an operator's own result.
  const isOr = isCondition(first) && print.value(first).kind === "boolean";
  const docs = args.map((arg) => print.for(arg, SLOTS.condition));
  return { doc: callDoc(use(isOr ? "or" : "any"), ...docs), kind: "boolean" };
}

function isCondition(value: StoredValue): boolean {
  return isStoredOperation(value) && operators.get(value.$op)?.returns === "boolean";
}

/** Members of what an operator computes; a reference's own members are part of the reference. */
function printGet([from, ...path]: readonly StoredValue[], print: Printer): Printed | null {
  if (from === undefined || !isStoredOperation(from) || from.$op === "get") return null;
  const { doc, kind } = print.value(from);
  const segments = path.filter((part) => typeof part === "string" || typeof part === "number");
  const base: Doc = kind === "any" ? doc : print.raw(from);
  return { doc: printPath(base, segments), kind: "any" };
}

function printOfStep(
  { helper, kind }: { readonly helper: string; readonly kind: SourceKind },
  step: StoredValue | undefined,
  name: StoredValue | undefined,
  print: Printer,
): Printed | null {
  if (step === undefined || !isStoredReference(step)) return null;
  const more = name === undefined ? [] : [JSON.stringify(name)];
  return { doc: callDoc(use(helper), print.for(step, SLOTS.anything), ...more), kind };
}

function printJsonata([expression, input]: readonly StoredValue[], print: Printer): Printed {
  const more = input === undefined ? [] : [print.for(input, SLOTS.anything)];
  return {
    doc: callDoc(use("jsonata"), JSON.stringify(expression), ...more),
    kind: "any",
  };
}

function printMerge([mode, ...objects]: readonly StoredValue[], print: Printer): Printed {
  const docs = objects.map((object) => print.for(object, OBJECTS));
  const name = use("merge");
  const doc =
    mode === "shallow" ? callDoc(name, ...docs) : callDoc(name, JSON.stringify(mode), ...docs);
  return { doc, kind: "object" };
}

function printObject(args: readonly StoredValue[], print: Printer): Printed | null {
  const members: Doc[] = [];
  for (let i = 0; i + 1 < args.length; i += 2) {
    const [name, value] = args.slice(i, i + 2);
    if (name === undefined || value === undefined) return null;
    members.push(arrayDoc([print.for(name, SLOTS.text), print.for(value, SLOTS.anything)]));
  }
  return { doc: callDoc(use("object"), arrayDoc(members)), kind: "object" };
}

/** `pick(object, "a", "b")`. */
function printNamed(
  helper: string,
  [object, members]: readonly StoredValue[],
  print: Printer,
): Printed | null {
  if (object === undefined || !Array.isArray(members)) return null;
  const docs = members.map((name) => JSON.stringify(name));
  return {
    doc: callDoc(use(helper), print.for(object, SLOTS.list), ...docs),
    kind: "object",
  };
}

function printTemplate(args: readonly StoredValue[], print: Printer): Printed {
  const parts: Doc[] = [use("tpl"), "`"];
  const isEmpty = args.length === 1 && args[0] === "";
  let afterText = false;
  for (const arg of isEmpty ? [] : args) {
    if (typeof arg === "string" && arg !== "" && !afterText) {
      parts.push(escapeTemplate(arg));
      afterText = true;
    } else {
      parts.push("${", print.for(arg, SCALARS), "}");
      afterText = false;
    }
  }
  return { doc: [...parts, "`"], kind: "string" };
}

/** Text as it stands in a template literal, where CR would become LF. */
function escapeTemplate(text: string): string {
  return text
    .replace(/[\\`]|\$(?=\{)/g, (character) => `\\${character}`)
    .replace(/[\r\n\t]/g, (character) => JSON.stringify(character).slice(1, -1))
    .replace(/\$$/, "\\$");
}
