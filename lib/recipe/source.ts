import {
  isAlias,
  isCollection,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type Document,
  type Node,
} from 'yaml';

/** Keys and list positions from the top of a recipe down to a value. */
export type KeyPath = readonly PropertyKey[];

/** A mistake and where it stands. */
export interface Problem {
  path: KeyPath;
  /** What is wrong and, after a semicolon, what was expected. */
  message: string;
  /** The place of a mistake in the YAML itself, which no key path can name. */
  offset?: number;
  /** True where the key is wrong, and not its value. */
  atKey?: boolean;
  /** The key that an unknown one was likely meant to be. */
  meant?: string;
}

/** What a recipe was read from: plain values, and a way to say where each stands. */
export interface RecipeSource {
  value: unknown;
  /** Relative paths in the recipe start here. */
  folder: string;
  /** The mistakes of the text itself, such as wrong syntax and duplicate keys. */
  problems: Problem[];
  /** The place of a problem in the text, by which problems are sorted; 0 in a JavaScript object. */
  offsetOf(problem: Problem): number;
  /** The prefix `FILE:LINE:COLUMN: ` of a problem, or '' in a JavaScript object, whose problems name their key path. */
  prefixOf(problem: Problem): string;
}

/** The value at a key path; undefined where a step is missing. */
export function valueAt(root: unknown, path: KeyPath): unknown {
  return path.reduce<unknown>(
    (at, key) => (typeof at === 'object' && at !== null ? (at as Record<PropertyKey, unknown>)[key] : undefined),
    root,
  );
}

/** A copy of lists and sections, however they refer to each other. Whatever else an object holds, such as a function, is not copied. */
export function copyOf(value: unknown, copies = new Map<unknown, unknown>()): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const known = copies.get(value);
  if (known !== undefined) return known;
  const copy: object = Array.isArray(value) ? [] : {};
  copies.set(value, copy);
  for (const [key, inner] of Object.entries(value))
    Object.defineProperty(copy, key, {
      value: copyOf(inner, copies),
      enumerable: true,
      writable: true,
      configurable: true,
    });
  return copy;
}

/** A recipe given as a JavaScript object, whose relative paths start at `folder`. */
export function objectSource(value: unknown, folder: string): RecipeSource {
  return { value, folder, problems: [], offsetOf: () => 0, prefixOf: () => '' };
}

/** A recipe in YAML; `file` is the name that messages show. */
export function yamlSource(text: string, options: { file: string; folder: string }): RecipeSource {
  const lines = new LineCounter();
  // `merge` is for `<<: *defaults`, which mergekit's YAML reader knows too.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: true });
  const problems = [...document.errors, ...document.warnings].map(({ message, pos, code }): Problem => ({
    path: [],
    offset: pos[0],
    message:
      code === 'DUPLICATE_KEY'
        ? `the key ${keyAt(text, pos[0])} appears twice; expected each key once`
        : (SYNTAX_WORDS[code] ?? lowerFirst(message)),
  }));
  const offsetOf = (problem: Problem) => problem.offset ?? offsetInDocument(document, problem);
  return {
    value: problems.length > 0 ? undefined : plainValue(document, problems),
    folder: options.folder,
    problems,
    offsetOf,
    prefixOf: (problem) => {
      const { line, col } = lines.linePos(offsetOf(problem));
      // An empty file has no line to count from.
      return `${options.file}:${Math.max(line, 1)}:${Math.max(col, 1)}: `;
    },
  };
}

/** The document as plain values, or a problem where aliases multiply without end, which makes `toJS` throw. */
function plainValue(document: Document, problems: Problem[]): unknown {
  try {
    return document.toJS();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const words = 'the aliases (*name) repeat more than a recipe can hold; expected fewer, or what they stand for';
    problems.push({ path: [], message: message.startsWith('Excessive alias') ? words : message });
    return undefined;
  }
}

/** The offset of the value or key at the problem's path or, where that is missing, of the nearest thing above it that is there. */
function offsetInDocument(document: Document, { path, atKey }: Problem): number {
  let node: Node | null | undefined = document.contents;
  let place = { key: node?.range?.[0] ?? 0, value: node?.range?.[0] ?? 0 };
  for (const key of path) {
    if (isAlias(node)) node = node.resolve(document);
    const step = stepInto(node, key);
    if (step === undefined) return place.value;
    place = step;
    node = step.node;
  }
  return atKey ? place.key : place.value;
}

function stepInto(
  node: Node | null | undefined,
  key: PropertyKey,
): { node: Node | null; key: number; value: number } | undefined {
  if (isSeq<Node>(node) && typeof key === 'number') {
    const item = node.items[key];
    return item?.range ? { node: item, key: item.range[0], value: item.range[0] } : undefined;
  }
  if (!isMap<Node, Node | null>(node)) return undefined;
  const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(key));
  if (!pair?.key.range) return undefined;
  const start = pair.key.range[0];
  // An empty value has no place of its own, and a block's begins on a line below its name.
  const inBlock =
    pair.value === null ||
    (isScalar(pair.value) && pair.value.value === null) ||
    (isCollection(pair.value) && !pair.value.flow);
  return { node: pair.value, key: start, value: inBlock ? start : (pair.value?.range?.[0] ?? start) };
}

/** The parser's complaints that a user meets most and that it words for programmers. */
const SYNTAX_WORDS: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: 'the line begins with a tab; expected spaces, since YAML takes no tabs as indentation',
  MULTIPLE_DOCS: 'a second document begins here; expected one recipe per file',
};

function keyAt(text: string, offset: number): string {
  return /^[^\s:]+/.exec(text.slice(offset))?.[0] ?? '';
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
