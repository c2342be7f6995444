import { join } from 'node:path';
import type { Checkpoint } from '../../checkpoint/folder.js';
import type { TensorEntry } from '../../checkpoint/safetensors.js';
import { sameTensor } from '../../checkpoint/same_bytes.js';
import { DfMergeError } from '../../core/errors.js';
import type { OnWarning } from '../../core/progress.js';
import type { ModelFamily } from '../architecture.js';
import { CONFIG_KEYS, engineConfig, parseT5Config, type T5Config } from './config.js';
import { blocksIn, HEAD, SHARED, isIgnored, isSharedAlias } from './names.js';

interface Member {
  checkpoint: Checkpoint;
  config: T5Config;
  /** The embedding table, under whichever name the checkpoint has it; the head where that is all it has. */
  shared: TensorEntry;
  /** The output head, where it is not the embedding table. */
  head: TensorEntry | undefined;
}

/**
 * T5s that belong together. The head is tied where it is in all of them: one that has a head of its own gives all a head, which for the
 * others is the embedding table.
 */
export async function openFamily(checkpoints: readonly Checkpoint[], onWarning?: OnWarning): Promise<ModelFamily> {
  const members: Member[] = [];
  for (const checkpoint of checkpoints) members.push(await openMember(checkpoint, onWarning));
  const [base, ...others] = members;
  for (const other of others) assertSameConfig(base, other);
  const tied = members.every(({ head }) => head === undefined);
  const lacksTable = !tied && base.shared.name === HEAD;
  const lacksHead = !tied && !base.checkpoint.tensors.has(HEAD);
  return {
    engineConfig: engineConfig(base.config, tied),
    tensors: members.map((member) => (parameter) => tensorOf(member, parameter)),
    parameterOf: (tensorName) => parameterOf(tensorName, tied),
    addedTensors: [...(lacksHead ? [HEAD] : []), ...(lacksTable ? [SHARED] : [])].map((name) => ({
      name,
      shape: base.shared.shape,
    })),
    configChanges: lacksHead ? { tie_word_embeddings: false, scale_decoder_outputs: base.config.scaleLogits } : {},
  };
}

async function openMember(checkpoint: Checkpoint, onWarning?: OnWarning): Promise<Member> {
  const { dir } = checkpoint;
  const config = parseT5Config(checkpoint.config, join(dir, 'config.json'), onWarning);
  assertBlocks(checkpoint, config);
  const tables = [...checkpoint.tensors.values()].filter(({ name }) => name === SHARED || isSharedAlias(name));
  const head = checkpoint.tensors.get(HEAD);
  const shared = tables.find(({ name }) => name === SHARED) ?? tables[0] ?? head;
  if (!shared) throw new DfMergeError('MISMATCH', `${dir}: no tensor "${SHARED}"; is this a T5 checkpoint?`);
  for (const alias of tables) {
    if (!(await sameTensor(shared, alias)))
      throw new DfMergeError(
        'MISMATCH',
        `${dir}: "${alias.name}" differs from "${shared.name}"; T5 has one table for both`,
      );
  }
  const own = head !== undefined && !(await sameTensor(shared, head));
  return { checkpoint, config, shared, head: own ? head : undefined };
}

/** Throws unless the config has as many blocks as the tensors, before anything is made or walked by the config's number. */
function assertBlocks({ dir, tensors }: Checkpoint, { numLayers, numDecoderLayers }: T5Config): void {
  for (const [stack, key, count] of [
    ['encoder', 'num_layers', numLayers],
    ['decoder', 'num_decoder_layers', numDecoderLayers],
  ] as const) {
    const blocks = blocksIn(tensors.keys(), stack);
    if (blocks !== count)
      throw new DfMergeError(
        'MISMATCH',
        `${dir}: tensors do not fit the config: ${key} is ${count}, and the ${stack} has ${blocks || 'no'} blocks`,
      );
  }
}

function assertSameConfig(a: Member, b: Member): void {
  for (const [field, key] of Object.entries(CONFIG_KEYS)) {
    const [left, right] = [a.config[field as keyof T5Config], b.config[field as keyof T5Config]];
    if (left !== right)
      throw new DfMergeError(
        'MISMATCH',
        `config.json: ${key} is ${left} in ${a.checkpoint.dir} and ${right} in ${b.checkpoint.dir}`,
      );
  }
}

function tensorOf({ checkpoint, shared, head }: Member, parameter: string): TensorEntry | undefined {
  if (parameter === SHARED) return shared;
  return parameter === HEAD ? (head ?? shared) : checkpoint.tensors.get(parameter);
}

function parameterOf(tensorName: string, tied: boolean): string | undefined {
  if (isIgnored(tensorName)) return undefined;
  return isSharedAlias(tensorName) || (tied && tensorName === HEAD) ? SHARED : tensorName;
}
