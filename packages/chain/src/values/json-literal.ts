/** RFC 8259 §6. */
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** Whether a text is a JSON number as it stands, so that it can be one without being changed. */
export function isExactLiteral(text: string): boolean {
  return NUMBER.test(text);
}
