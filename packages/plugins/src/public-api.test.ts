import { expect, test } from "bun:test";
import { textReply } from "@catena/pipeline";
import { PluginBed } from "./plugin.testbed.ts";
import { publicApi } from "./public-api.ts";

const services = {
  ownPage: (path: string) => (path === "/own" ? () => textReply(200, "of itself") : null),
};
const page = { status: 200, body: "of itself", upstream: null };
const none = { status: 404, upstream: null };

test.each([
  ["the page at the path of the request", {}, "GET", "/own?x=1", page],
  ["another one that is named", { uri: "/own" }, "GET", "/elsewhere", page],
  ["the same to HEAD", {}, "HEAD", "/own", page],
  ["404 to other methods", {}, "POST", "/own", none],
  ["404 where there is no such page", {}, "GET", "/other", none],
  ["404 where none is of that name", { uri: "/other" }, "GET", "/own", none],
])("answers with %s", async (_name, conf, method, target, expected) => {
  const bed = new PluginBed([[publicApi, conf]], { services });
  expect(await bed.ask({ method, target })).toMatchObject(expected);
});

test("answers 404 in a gateway without pages", async () => {
  const bed = new PluginBed([[publicApi, {}]]);
  expect(await bed.ask({ target: "/own" })).toMatchObject(none);
});
