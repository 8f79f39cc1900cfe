export { arraySlices } from "./array-slices.ts";
export { decodeSlice, isExactNumber } from "./decode-slice.ts";
export { jsonErrors } from "./errors.ts";
export { type DuplicateKey, formatFault, type JsonFault, type JsonLimits } from "./fault.ts";
export { getPath } from "./get-path.ts";
export { JsonObjectSlices, mergeSlices, writeSlices } from "./object-slices.ts";
export {
  type JsonParsed,
  type ParseOptions,
  parseJson,
} from "./parse-json.ts";
export { type JsonOther, type ObjectScan, scanObject, scanWhole } from "./scan-object.ts";
