import type { JsonSchema } from "@catena/ir";
import type { ChainAnswer } from "../infer/infer-chain.ts";
import { known, membersOf, oneOf } from "../infer/known.ts";
import type { ServedResource } from "../merged-routes.ts";
import { type Reading, type ServedOperation, servedOperations } from "../served-operations.ts";
import { runToEnd } from "../steps.ts";
import { RUNTIME } from "./runtime.ts";
import { definitionType, propertyName, tsType, union } from "./ts-type.ts";

export interface ClientOptions extends Reading {
  /** Also routes without a chain, whose bodies and replies are `unknown`. Default: chains alone. */
  readonly includeProxied?: boolean;
}

/**
 * Generates a client of what a gateway with these resources serves: one TypeScript module that uses
 * `fetch` and nothing else, with a method for each route and the types of what it takes and replies.
 * A field that is renamed in a chain's reply is a type error where the client is used.
 *
 * @param resources as stored: routes, and the services, plugin configs and global rules they have
 *   plugins from.
 *
 * @example
 * await Bun.write("shop-client.ts", generateClient(resources));
 * // const shop = createClient({ baseUrl: "https://shop.example" });
 * // const { orderId } = await shop.checkout({ body: { cart: "7" } });
 */
export function generateClient(
  resources: readonly ServedResource[],
  options: ClientOptions = {},
): string {
  const served = runToEnd(servedOperations(resources, options));
  const operations = served.operations.filter(
    ({ kind }) => kind === "chain" || kind === "classic" || options.includeProxied === true,
  );
  const byRoute = Map.groupBy(operations, ({ route }) => route);
  const names = new Names();
  const methods = operations.map((operation) => {
    const several = (byRoute.get(operation.route)?.length ?? 0) > 1;
    const suffix = several ? `-${operation.method.toLowerCase()}` : "";
    return methodOf(operation, names.take(`${operation.route}${suffix}`));
  });
  const named = [...served.definitions].map(
    ([name, schema]) => `export type ${definitionType(name)} = ${tsType(schema)};`,
  );
  const types = [...named, ...methods.map(({ types: written }) => written)].join("\n\n");
  const members = methods.map(({ member }) => member).join("\n");
  return `${RUNTIME.head}\n\n${types}${types === "" ? "" : "\n\n"}${RUNTIME.body}\n
/** Makes a client of one gateway. */
export function createClient(options: ClientOptions) {
  const senders = createSenders(options);
  return {
${members}
  };
}

export type Client = ReturnType<typeof createClient>;
`;
}

interface Method {
  readonly types: string;
  readonly member: string;
}

function methodOf(operation: ServedOperation, name: string): Method {
  const type = name.charAt(0).toUpperCase() + name.slice(1);
  const { method, path, summary, route } = operation;
  const request = requestMembers(operation);
  const send = isStreamed(operation) ? "senders.sendOpen" : "senders.send";
  const isOptional = request.every(({ isRequired }) => !isRequired);
  const slots = [
    ...request.map(
      ({ slot, type: slotType, isRequired }) => `  ${slot}${isRequired ? "" : "?"}: ${slotType};`,
    ),
  ];
  const about =
    summary === undefined ? `Route \`${route}\`.` : `${oneLine(summary)} (route \`${route}\`).`;
  return {
    types: [
      `export interface ${type}Request extends RequestOptions {`,
      ...slots,
      "}",
      "",
      `export type ${type}Reply = ${replyType(operation)};`,
    ].join("\n"),
    member: [
      `    /** ${method} ${oneLine(path)}. ${about} */`,
      `    ${name}: (request: ${type}Request${isOptional ? " = {}" : ""}): Promise<${type}Reply> =>`,
      `      ${send}(${JSON.stringify(method)}, ${JSON.stringify(clientPath(operation))}, request),`,
    ].join("\n"),
  };
}

/** As the runtime takes it: a parameter that may hold slashes is `{name*}`. */
function clientPath({ path, params }: ServedOperation): string {
  const deep = params.filter(({ isDeep }) => isDeep).map(({ name }) => name);
  return deep.reduce((marked, name) => marked.replace(`{${name}}`, `{${name}*}`), path);
}

interface Slot {
  readonly slot: string;
  readonly type: string;
  readonly isRequired: boolean;
}

function requestMembers(operation: ServedOperation): readonly Slot[] {
  const { params, query, headers, body, method, kind } = operation;
  const slots: Slot[] = [];
  if (params.length > 0) {
    const members = params.map(({ name }) => `${propertyName(name)}: string | number`);
    slots.push({ slot: "params", type: `{ ${members.join("; ")} }`, isRequired: true });
  }
  slots.push(slotOf("query", query, "Record<string, QueryValue>"));
  slots.push(slotOf("headers", headers, "Record<string, string>"));
  if (method === "GET" || method === "HEAD") return slots;
  const isRequired = body !== undefined && kind === "chain";
  slots.push({ slot: "body", type: body === undefined ? "unknown" : tsType(body), isRequired });
  return slots;
}

/** A slot whose schema lists its members; others may be given beside them. */
function slotOf(slot: string, schema: JsonSchema | undefined, open: string): Slot {
  const members = schema === undefined ? null : membersOf({ schema, mayBeMissing: false });
  if (schema === undefined || members === null) return { slot, type: open, isRequired: false };
  const isRequired = members.some(([, member]) => !member.mayBeMissing);
  return {
    slot,
    type: slot === "headers" ? `${tsType(schema)} & ${open}` : tsType(schema),
    isRequired,
  };
}

/** Whether every good answer is passed through as it comes, be it text or not. */
function isStreamed({ answers }: ServedOperation): boolean {
  const good = answers.filter(({ status }) => status < 400);
  return good.length > 0 && good.every(({ isStream }) => isStream === true);
}

/** What a successful call gives; an answer of 400 and above is thrown. */
function replyType(operation: ServedOperation): string {
  const { answers } = operation;
  if (isStreamed(operation)) return "Response";
  const good = answers.filter(({ status }) => status < 400);
  if (good.length === 0) return "unknown";
  const isEmpty = (answer: ChainAnswer): boolean =>
    answer.body === undefined && answer.isStream !== true && answer.isForwarded !== true;
  const bodies = good.filter((answer) => !isEmpty(answer)).map(({ body }) => known(body ?? {}));
  const types = bodies.length === 0 ? [] : [tsType(oneOf(bodies).schema)];
  return union(good.some(isEmpty) ? [...types, "undefined"] : types);
}

/** Names of methods: `list-orders` is `listOrders`, each once. */
class Names {
  readonly #taken = new Set<string>();

  take(id: string): string {
    const words = id.split(/[^A-Za-z0-9]+/).filter((word) => word !== "");
    const joined = words
      .map((word, index) =>
        index === 0
          ? word.charAt(0).toLowerCase() + word.slice(1)
          : word.charAt(0).toUpperCase() + word.slice(1),
      )
      .join("");
    const base = /^[A-Za-z]/.test(joined) ? joined : `route${joined}`;
    let name = base;
    for (let n = 2; this.#taken.has(name.toLowerCase()); n++) name = `${base}${n}`;
    this.#taken.add(name.toLowerCase());
    return name;
  }
}

/** Text inside a comment. */
function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").replaceAll("*/", "*\\/");
}
