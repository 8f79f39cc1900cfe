import { Elysia } from "elysia";
import { readAppSettings } from "./app-settings.ts";

const settings = readAppSettings();
new Elysia()
  .get("/static", () => "hello, client")
  .listen({ port: settings.port, hostname: "127.0.0.1" });
