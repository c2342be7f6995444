import { methodNamed } from '../methods/index.js';
import { valueAt, type KeyPath } from './source.js';

/** What helps with a value that is often given wrongly, to go behind what was expected; '' for all others. */
export function hintAt(path: KeyPath, found: unknown, root: unknown): string {
  const hint = HINTS.find(({ at, when }) => matches(at, path) && when(found))?.hint(found, root);
  return hint === undefined ? '' : ` (${hint})`;
}

interface Hint {
  /** A key path with `*` for list positions and names. */
  at: string;
  when: (found: unknown) => boolean;
  hint: (found: unknown, root: unknown) => string;
}

const isText = (found: unknown): found is string => typeof found === 'string';
const isAbsent = (found: unknown) => found === undefined || found === null;

const HINTS: readonly Hint[] = [
  { at: 'base_model', when: isAbsent, hint: (_, root) => baseHint(root) },
  { at: 'models.*', when: isText, hint: (found) => `such as { model: ${String(found)} }` },
  { at: 'tasks', when: Array.isArray, hint: () => 'such as NAME: { data: FOLDER }' },
];

/** mergekit's averages need no base, and are the recipes that most often come without one. */
function baseHint(root: unknown): string {
  const first = valueAt(root, ['models', 0, 'model']);
  const method = methodNamed(String(valueAt(root, ['merge_method'])));
  if (method === undefined || method.needs.base) return 'the folder of the model that the others were fine-tuned from';
  return `mergekit's ${method.name} has none; here it gives the output its config, tensor names and tokenizer, and may be one of the models${isText(first) ? `, such as base_model: ${first}` : ''}`;
}

function matches(pattern: string, path: KeyPath): boolean {
  const keys = pattern.split('.');
  return keys.length === path.length && keys.every((key, i) => key === '*' || key === path[i]);
}
