/** Environment variables that decide how a run computes, or what it keeps. */
const VARIABLES = ['DFMERGE_ISA', 'DFMERGE_MATMUL', 'DFMERGE_NO_MMAP', 'DFMERGE_CACHE'] as const;

const CONTROL = new Map([
  ['\n', String.raw`\n`],
  ['\t', String.raw`\t`],
  ['\r', String.raw`\r`],
]);

/** A word as a POSIX shell reads it back, whatever is in it. Control characters are spelled in `$'…'`, which a terminal does not act on. */
export function shellQuoted(word: string): string {
  if (/^[A-Za-z0-9_@%+=:,./-]+$/.test(word)) return word;
  // eslint-disable-next-line no-control-regex
  if (!/[\x00-\x1f\x7f]/.test(word)) return `'${word.replaceAll("'", String.raw`'\''`)}'`;
  const escaped = word
    .replace(/['\\]/g, (character) => `\\${character}`)
    // eslint-disable-next-line no-control-regex
    .replace(/[\x00-\x1f\x7f]/g, (c) => CONTROL.get(c) ?? `\\${c.charCodeAt(0).toString(8).padStart(3, '0')}`);
  return `$'${escaped}'`;
}

/** A line that can be pasted to run `dfmerge` with these words again, in the environment of now. */
export function commandLine(words: readonly string[], environment: NodeJS.ProcessEnv = process.env): string {
  const variables = VARIABLES.flatMap((name) => {
    const value = environment[name];
    return value === undefined ? [] : [`${name}=${value === '' ? "''" : shellQuoted(value)}`];
  });
  return [...variables, 'dfmerge', ...words.map((word) => (word === '' ? "''" : shellQuoted(word)))].join(' ');
}

/** The words of a search that goes on with the one that they began: all of them, since each may decide something. */
export function resumingWords(words: readonly string[]): string[] {
  const end = words.indexOf('--');
  const options = end < 0 ? words : words.slice(0, end);
  const flags = ['--resume', '--no-resume', '--repair', '--no-repair'];
  const rest = end < 0 ? [] : words.slice(end);
  return [...options.filter((word) => !flags.includes(word)), '--resume', ...rest];
}
