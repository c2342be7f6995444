/** Text on one line, with every character escaped that Markdown would take for more than itself, also in a cell of a table. */
export function plain(text: string): string {
  return oneLine(text).replace(/[\\`*_~[\]<>|$&#]/g, '\\$&');
}

/** Text as code on one line, also in a cell of a table. */
export function code(text: string): string {
  const line = oneLine(text);
  const fence = '`'.repeat(longestRun(line) + 1);
  // Spaces at both ends are not part of the code, and keep backticks and blanks at its ends apart from the fence.
  const inner = /^[` ]|[` ]$/.test(line) ? ` ${line} ` : line;
  return `${fence}${inner.replaceAll('|', '\\|')}${fence}`;
}

/** A block of code, whose fence is longer than any in the text. */
export function codeBlock(language: string, text: string): string {
  const fence = '`'.repeat(Math.max(3, longestRun(text) + 1));
  return `${fence}${language}\n${text.trimEnd()}\n${fence}`;
}

/** A table of cells that are Markdown already; the columns from `rightFrom` on are numbers. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[], rightFrom: number): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const rule = headings.map((_, index) => (index < rightFrom ? '---' : '---:'));
  return [line(headings), line(rule), ...rows.map(line)].join('\n');
}

/** `a`, `a and b`, `a, b and c`. */
export function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}

function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ').trim();
}

function longestRun(text: string): number {
  return Math.max(0, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
}
