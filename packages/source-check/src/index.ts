export { checkSource } from "./check-source.ts";
export { type CasePart, locateCases } from "./locate-cases.ts";
