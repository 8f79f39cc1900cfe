/**
 * Lets config and test files lie anywhere: what they import of ours is this realm's own copy, found by
 * its name. Importing this file registers it.
 */
import * as dsl from "@catena/dsl";
import * as typebox from "@sinclair/typebox";

// Only tests need it, and loading it takes longer than evaluating a config. Resolved before the name
// is taken over below: by its name it would find itself.
const testing = import.meta.resolve("@catena/testing");

Bun.plugin({
  name: "catena-configs",
  setup(build) {
    build.module("@catena/dsl", () => ({ exports: { ...dsl }, loader: "object" }));
    build.module("@sinclair/typebox", () => ({ exports: { ...typebox }, loader: "object" }));
    build.module("@catena/gateway", () => ({
      exports: { defineGateway: (settings: unknown) => settings },
      loader: "object",
    }));
    build.module("@catena/testing", async () => {
      const module: object = await import(testing);
      return { exports: { ...module }, loader: "object" };
    });
  },
});
