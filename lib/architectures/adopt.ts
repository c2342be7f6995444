import { totalmem } from 'node:os';
import { join } from 'node:path';
import type { Checkpoint } from '../checkpoint/folder.js';
import type { TensorEntry } from '../checkpoint/safetensors.js';
import { excerpt } from '../core/bounded_json.js';
import { DfMergeError } from '../core/errors.js';
import type { OnWarning } from '../core/progress.js';
import { sum } from '../core/statistics.js';
import type { Architecture } from './architecture.js';

/** A checkpoint whose tensors have the names that its architecture knows. */
export interface AdoptedCheckpoint extends Checkpoint {
  /** The tensors of the files that the architecture has no place for and that can be left out: what stands for each in a message. */
  ignored: string[];
}

/**
 * Gives tensors the names that the architecture knows them by, and leaves out what it can do without. Both are warned of.
 * Errors: MISMATCH where two tensors of the files would get one name; UNSUPPORTED where they are an adapter's.
 */
export function adopt(checkpoint: Checkpoint, architecture: Architecture, onWarning?: OnWarning): AdoptedCheckpoint {
  const { dir } = checkpoint;
  assertFits(checkpoint);
  refuseAdapterTensors(checkpoint);
  const tensors = new Map<string, TensorEntry>();
  const stored = new Map<string, string>();
  const ignored: string[] = [];
  for (const entry of checkpoint.tensors.values()) {
    const name = architecture.nameOf?.(entry.name) ?? entry.name;
    const other = stored.get(name);
    if (other !== undefined)
      throw new DfMergeError(
        'MISMATCH',
        `${dir}: the tensors "${other}" and "${entry.name}" both stand for ${name}; which one counts is not said`,
      );
    stored.set(name, entry.name);
    if (architecture.canIgnore?.({ ...entry, name })) ignored.push(name);
    else tensors.set(name, { ...entry, name, written: entry.name });
  }
  warnOfNames(dir, stored, onWarning);
  if (ignored.length > 0)
    onWarning?.(`${dir}: no ${architecture.title} has ${listNames(ignored, 'tensor')}; left out, as transformers does`);
  return { ...checkpoint, tensors, ignored };
}

/** Refuses a model that no run could hold, before any of it is read: θ is one of the vectors that an engine has in float32. */
function assertFits({ dir, tensors }: Checkpoint): void {
  const bytes = 4 * sum([...tensors.values()].map(({ elements }) => elements));
  const memory = totalmem();
  const gib = (n: number) => `${(n / 2 ** 30).toFixed(1)} GiB`;
  if (bytes > memory)
    throw new DfMergeError(
      'IO',
      `${dir}: its weights take ${gib(bytes)} in float32, and this machine has ${gib(memory)} of memory`,
    );
}

function refuseAdapterTensors({ dir, tensors }: Checkpoint): void {
  const adapter = [...tensors.keys()].find((name) =>
    /\.lora_(A|B|embedding_A|embedding_B)\.|^base_model\.model\./.test(name),
  );
  if (adapter !== undefined)
    throw new DfMergeError(
      'UNSUPPORTED',
      `${join(dir, 'model.safetensors')}: "${adapter}" is a tensor of an adapter (LoRA or the like); ` +
        'merge the adapter into its base first (peft: model.merge_and_unload(), then save_pretrained)',
    );
}

function warnOfNames(dir: string, stored: ReadonlyMap<string, string>, onWarning?: OnWarning): void {
  const renamed = [...stored].filter(([name, as]) => name !== as);
  if (renamed.length === 0) return;
  const [name, as] = renamed[0];
  onWarning?.(
    `${dir}: ${renamed.length} of ${stored.size} tensor names have a prefix that a training wrapper left, as "${as}"; read as "${name}"`,
  );
}

/** How many names a message lists. */
const LISTED = 8;

/** Names in a message: all of a few, the first of many. */
export function listNames(names: readonly string[], what: string): string {
  const rest = names.length > LISTED ? `, and ${names.length - LISTED} more` : '';
  return `${names.length === 1 ? `a ${what}` : `${names.length} ${what}s`} ${names.slice(0, LISTED).map(excerpt).join(', ')}${rest}`;
}
