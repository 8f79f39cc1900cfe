import { describe, expect, test } from "bun:test";
import { PluginBed, problemsOf } from "./plugin.testbed.ts";
import { redirect } from "./redirect.ts";

const bed = (conf: Record<string, unknown>, options = {}): PluginBed =>
  new PluginBed([[redirect, conf]], options);

describe("destinations", () => {
  const braced = ["$", "{uri}"].join("");
  const cases: [conf: object, target: string, location: string | undefined][] = [
    [{ uri: "/new?$args" }, "/rd?a=1", "/new?a=1"],
    [{ uri: "https://$host.b/$uri" }, "/x", "https://a.test.b//x"],
    [{ uri: `${braced}/tail` }, "/x", "/x/tail"],
    [{ uri: "/\\$uri" }, "/x", "/\\$uri"],
    [{ uri: "/x$nothing" }, "/x", "/x"],
    [{ uri: "/x$arg_a" }, "/?a=1%0D%0ASet-Cookie:%20b", "/x1%0D%0ASet-Cookie: b"],
    [{ uri: "/new", append_query_string: true }, "/x?a=1", "/new?a=1"],
    [{ uri: "/new?b=2", append_query_string: true }, "/x?a=1", "/new?b=2&a=1"],
    [{ uri: "/new", append_query_string: true }, "/x", "/new"],
    [{ uri: "/$arg_a?x=y z", encode_uri: true }, "/?a=b%20c", "/b%20c?x=y z"],
    [{ regex_uri: ["^/a/(.*)", "/b/$1"] }, "/a/c", "/b/c"],
    [{ regex_uri: ["^/a/(.*)", "https://b/$1"] }, "/a/c%20d", "https://b/c d"],
    [{ regex_uri: ["^/a/(.*)", "/b/$1"] }, "/c", undefined],
    [{ http_to_https: false }, "/c", undefined],
  ];
  test.each(cases)("%j of %s: %p", async (conf, target, location) => {
    const answer = await bed({ ...conf }).ask({ target });
    expect(answer.headers["location"]).toBe(location as string);
    expect(answer.status).toBe(location === undefined ? 200 : 302);
  });
});

test("the reply has nginx's page", async () => {
  const found = await bed({ uri: "/new" }).ask();
  expect(found.headers["content-type"]).toBe("text/html");
  expect(found.body).toContain("<title>302 Found</title>");
  const permanent = await bed({ uri: "/new", ret_code: 308 }).ask();
  expect(permanent.status).toBe(308);
  expect(permanent.headers["content-type"]).toBe("text/html; charset=utf-8");
});

describe("to https", () => {
  const conf = { http_to_https: true };
  test("GET with 301, others with 308, to the port of our https listener", async () => {
    const get = await bed(conf).ask({ target: "/rd%20h?a=1" });
    expect([get.status, get.headers["location"]]).toEqual([301, "https://a.test/rd%20h?a=1"]);
    const post = await bed(conf, { services: { httpsPort: 9443 } }).ask({
      method: "POST",
      target: "/x",
    });
    expect([post.status, post.headers["location"]]).toEqual([308, "https://a.test:9443/x"]);
  });

  test("what came by https goes on; what claims it did does not", async () => {
    expect((await bed(conf, { scheme: "https" }).ask()).status).toBe(200);
    expect((await bed(conf).ask({ headers: { "x-forwarded-proto": "https" } })).status).toBe(301);
    const services = { schemeOf: () => "https" };
    expect((await bed(conf, { services }).ask()).status).toBe(200);
  });
});

describe("configurations", () => {
  const bad: [conf: object, path: string, message: string][] = [
    [{}, "", ""],
    [{ uri: "/a", http_to_https: true }, "", ""],
    [{ uri: "/" }, "/uri", ""],
    [{ uri: "/a", ret_code: 199 }, "/ret_code", ""],
    [{ uri: "/a", ret_code: 700 }, "/ret_code", "can't be sent"],
    [{ regex_uri: ["a"] }, "/regex_uri", ""],
    [{ regex_uri: ["(", "a"] }, "/regex_uri", "invalid regex_uri ((, a), err:"],
    [{ regex_uri: ["a", "$b"] }, "/regex_uri", "failed to compile the replacement template"],
    [
      { http_to_https: true, append_query_string: true },
      "/append_query_string",
      "only one of `http_to_https` and `append_query_string` can be configured.",
    ],
  ];
  test.each(bad)("%j is refused at %s", (conf, path, message) => {
    const [issue] = problemsOf(redirect, { ...conf });
    expect(issue?.path).toBe(path);
    expect(issue?.message).toContain(message);
  });
});
