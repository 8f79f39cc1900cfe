import type { JsonSchema, StoredAction, StoredChain, StoredStep } from "@catena/ir";

type Read = (schema: JsonSchema) => JsonSchema;

/** The same chain with every schema in it as `read` gives it. */
export function mapSchemas(chain: StoredChain, read: Read): StoredChain {
  const { input, output, steps } = chain;
  return {
    ...chain,
    ...(input === undefined ? {} : { input: mapMembers(input, read) }),
    ...(output === undefined ? {} : { output: read(output) }),
    steps: steps.map((step) => mapStep(step, read)),
  };
}

function mapMembers<T extends object>(schemas: T, read: Read): T {
  const members = Object.entries(schemas).map(([name, schema]) => [name, read(schema)]);
  // Every member is a schema, and stays one.
  return Object.fromEntries(members) as T;
}

function mapStep(step: StoredStep, read: Read): StoredStep {
  const { each, choose } = step;
  if (each !== undefined) return { ...step, each: { ...each, do: mapAction(each.do, read) } };
  if (choose === undefined) return mapAction(step, read);
  const { branches, otherwise } = choose;
  return {
    ...step,
    choose: {
      ...choose,
      branches: branches.map((branch) => mapAction(branch, read)),
      ...(otherwise === undefined ? {} : { otherwise: mapAction(otherwise, read) }),
    },
  };
}

function mapAction<A extends StoredAction>(action: A, read: Read): A {
  const { call } = action;
  return call?.response === undefined
    ? action
    : { ...action, call: { ...call, response: read(call.response) } };
}
