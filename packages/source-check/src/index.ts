export { checkSource } from "./check-source.ts";
