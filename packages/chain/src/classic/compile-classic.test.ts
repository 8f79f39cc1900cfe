import { expect, test } from "bun:test";
import { directTargets } from "../testbed/direct-targets.ts";
import { compileClassic } from "./compile-classic.ts";

const targets = directTargets();

test.each([
  ["a uri that is no URL", { services: [{ uri: "not a url" }] }, "/services/0/uri"],
  ["a uri without a host", { services: [{ uri: "/path" }] }, "/services/0/uri"],
  ["a file", { services: [{ uri: "file:///etc/hostname" }] }, "/services/0/uri"],
  ["credentials in a uri", { services: [{ uri: "http://u:p@h/x" }] }, "/services/0/uri"],
  [
    "an unknown upstream",
    { services: [{ uri: "http://h/x", upstream_id: "no" }] },
    "/services/0/upstream_id",
  ],
  ["no service at all", { services: [] }, "/services"],
])("refuses %s", (_, conf, path) => {
  const compiled = compileClassic(conf, { targets });
  expect(compiled.value).toBeUndefined();
  expect(compiled.issues.map((issue) => issue.path)).toEqual([path]);
});

test("collects every issue at once", () => {
  const services = [{ uri: "x" }, { uri: "http://ok/" }, { uri: "y" }];
  const { issues } = compileClassic({ services }, { targets });
  expect(issues.map((issue) => issue.path)).toEqual(["/services/0/uri", "/services/2/uri"]);
});
