import { describeTransport } from "../../transport.conformance.ts";
import { createWireTransport } from "./wire-transport.ts";

describeTransport("wire", createWireTransport);
