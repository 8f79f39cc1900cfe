import { expect, test } from "bun:test";
import { Dependents } from "./dependents.ts";

const route = { kind: "routes", id: "r" } as const;
const service = { kind: "services", id: "s" } as const;
const upstream = { kind: "upstreams", id: "u" } as const;

function visited(dependents: Dependents, of: Parameters<Dependents["visit"]>[0]): string[] {
  const found: string[] = [];
  dependents.visit(of, ({ kind, id }) => found.push(`${kind}/${id}`));
  return found;
}

test("finds those who point at a resource, also through others, each once", () => {
  const dependents = new Dependents();
  dependents.set(route, [service, upstream]);
  dependents.set(service, [upstream]);
  expect(visited(dependents, upstream).sort()).toEqual(["routes/r", "services/s"]);
  expect(visited(dependents, service)).toEqual(["routes/r"]);
});

test("forgets what a resource no longer points at", () => {
  const dependents = new Dependents();
  dependents.set(route, [upstream]);
  dependents.set(route, []);
  expect(visited(dependents, upstream)).toEqual([]);
});

test("ends on a circle", () => {
  const dependents = new Dependents();
  dependents.set(route, [service]);
  dependents.set(service, [route]);
  expect(visited(dependents, service)).toEqual(["routes/r", "services/s"]);
});
