/**
 * Replaces what stands between `<!-- NAME: … -->` and `<!-- end NAME -->`.
 *
 * @throws when the text lacks one of the two marks.
 */
export function replaceSection(text: string, name: string, content: string): string {
  const start = new RegExp(`<!-- ${name}:[^>]*-->\n`).exec(text);
  const end = text.indexOf(`<!-- end ${name} -->`);
  if (start === null || end === -1) {
    throw new Error(`there is no section "${name}" between its two marks`);
  }
  return `${text.slice(0, start.index + start[0].length)}\n${content}\n\n${text.slice(end)}`;
}
