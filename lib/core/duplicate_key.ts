/**
 * The value of a JSON text. Errors: those of JSON.parse (SyntaxError), and one for a key that an object holds twice, of which JSON.parse
 * would keep the last without a word.
 */
export function parseUniqueKeys(json: string): unknown {
  const value: unknown = JSON.parse(json);
  const twice = findDuplicateKey(json);
  if (twice !== undefined) throw new SyntaxError(`the key ${JSON.stringify(twice)} stands there twice`);
  return value;
}

/**
 * Finds a key that an object of a JSON text holds twice, which JSON.parse hides by keeping the last one.
 *
 * @param json text that JSON.parse accepts; the scan relies on its grammar being right
 * @returns the first repeated key (unescaped, so "a" and "\u0061" are the same), or undefined
 */
export function findDuplicateKey(json: string): string | undefined {
  /** One entry per nesting level: the keys of an object so far, or null for an array. */
  const open: (Set<string> | null)[] = [];
  for (let i = 0; i < json.length; i++) {
    const c = json[i];
    if (c === '{') open.push(new Set());
    else if (c === '[') open.push(null);
    else if (c === '}' || c === ']') open.pop();
    else if (c === '"') {
      const end = stringEnd(json, i);
      const keys = open.at(-1);
      if (keys && isKey(json, end)) {
        const key = JSON.parse(json.slice(i, end)) as string;
        if (keys.has(key)) return key;
        keys.add(key);
      }
      i = end - 1;
    }
  }
  return undefined;
}

/** Index just past the closing quote of the string that opens at `start`. */
function stringEnd(json: string, start: number): number {
  let i = start + 1;
  while (i < json.length && json[i] !== '"') i += json[i] === '\\' ? 2 : 1;
  return i + 1;
}

/** True where a colon follows, which tells a key from a value inside an object. */
function isKey(json: string, after: number): boolean {
  let i = after;
  while (i < json.length && ' \t\n\r'.includes(json[i])) i++;
  return json[i] === ':';
}
