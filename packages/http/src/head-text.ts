/** Whether the name at `at` is `name`, which is in lower case and as long. */
export function isNamed(text: string, at: number, name: string): boolean {
  // A letter's case is one bit, and no other byte of a token becomes a letter or hyphen by setting it
  // where the name has a letter.
  for (let i = 0; i < name.length; i++) {
    const wanted = name.charCodeAt(i);
    const code = text.charCodeAt(at + i);
    if (code !== wanted && (wanted < 0x61 || (code | 0x20) !== wanted)) return false;
  }
  return true;
}

/** Cuts optional whitespace (RFC 9110 §5.6.3: space and tab, not what `trim` takes for blank). */
export function trimBlank(text: string, from: number, to: number): string {
  while (from < to && isBlank(text.charCodeAt(from))) from++;
  while (to > from && isBlank(text.charCodeAt(to - 1))) to--;
  return text.slice(from, to);
}

const isBlank = (code: number): boolean => code === 0x20 || code === 0x09;
