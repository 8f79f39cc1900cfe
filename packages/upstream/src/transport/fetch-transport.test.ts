import { describeTransport } from "../transport.conformance.ts";
import { createFetchTransport } from "./fetch-transport.ts";

describeTransport("fetch", createFetchTransport, { skips: [] });
