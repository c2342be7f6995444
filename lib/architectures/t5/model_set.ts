import { join } from 'node:path';
import { DfMergeError } from '../../core/errors.js';
import { openCheckpoint, type Checkpoint } from '../../checkpoint/folder.js';
import { sameTensor } from '../../checkpoint/same_bytes.js';
import { isWeightDType, type TensorEntry, type WeightDType } from '../../checkpoint/safetensors.js';
import { CONFIG_KEYS, parseT5Config, type T5Config } from './config.js';
import { HEAD, SHARED, isIgnored, isSharedAlias } from './names.js';
import { assertSameVocabulary } from '../../checkpoint/vocabulary.js';

/** A parameter as the engine lists it. */
export interface Parameter {
  name: string;
  shape: number[];
}

/** Where the engine finds one parameter: elements of `dtype` from byte `offset` of `file` on. */
export interface ParameterSource {
  name: string;
  file: string;
  offset: number;
  dtype: WeightDType;
}

/** One model of a set. */
export interface SetModel {
  dir: string;
  checkpoint: Checkpoint;
  /**
   * Where each of the engine's parameters lies in this checkpoint, in the given order.
   * Errors: MISMATCH listing all missing, extra and misshapen tensors; UNSUPPORTED for types that are not weights.
   */
  sources(parameters: readonly Parameter[]): ParameterSource[];
}

/** Models that belong together: one architecture, one vocabulary, one kind of output head. */
export interface ModelSet {
  base: SetModel;
  /** In the order given. */
  models: SetModel[];
  config: T5Config;
  /** False where any model has an output head of its own. */
  tied: boolean;
  /** First folder, the base before the models, that has a tokenizer.json. */
  tokenizerDir: string | undefined;
  /** The engine's parameter that an output tensor named as in the base holds; undefined for one that is left out. */
  parameterOf: (tensorName: string) => string | undefined;
  /** Tensors that the merged model has and the base has not: the head, where only a child is untied. */
  addedTensors: Parameter[];
  /** What config.json of a merged model says otherwise than the base's; empty unless `addedTensors` is not. */
  configChanges: Record<string, unknown>;
}

/**
 * Opens a base and its fine-tuned models and checks that they can be merged.
 * Errors: those of openCheckpoint and parseT5Config; MISMATCH naming the config key, token or tensor, and the folders.
 */
export async function openModelSet(baseDir: string, modelDirs: readonly string[]): Promise<ModelSet> {
  const dirs = [baseDir, ...modelDirs];
  const members: Member[] = [];
  for (const dir of dirs) members.push(await openMember(dir));
  const base = members[0];
  for (const other of members.slice(1)) assertSameConfig(base, other);
  const tokenizerDir = await assertSameVocabulary(dirs);
  const tied = members.every((member) => member.head === undefined);
  const [first, ...models] = members.map((member) => toSetModel(member, tied));
  const lacksHead = !tied && !base.checkpoint.tensors.has(HEAD);
  return {
    base: first,
    models,
    config: base.config,
    tied,
    tokenizerDir,
    parameterOf: (name) => parameterOf(name, tied),
    addedTensors: lacksHead ? [{ name: HEAD, shape: base.shared.shape }] : [],
    configChanges: lacksHead ? { tie_word_embeddings: false, scale_decoder_outputs: base.config.scaleLogits } : {},
  };
}

interface Member {
  checkpoint: Checkpoint;
  config: T5Config;
  /** The embedding table, under whichever name the checkpoint has it. */
  shared: TensorEntry;
  /** The output head, where it is not the embedding table. */
  head: TensorEntry | undefined;
}

async function openMember(dir: string): Promise<Member> {
  const checkpoint = await openCheckpoint(dir);
  const config = parseT5Config(checkpoint.config, join(dir, 'config.json'));
  const tables = [...checkpoint.tensors.values()].filter(({ name }) => name === SHARED || isSharedAlias(name));
  const shared = tables.find(({ name }) => name === SHARED) ?? tables[0];
  if (!shared) throw new DfMergeError('MISMATCH', `${dir}: no tensor "${SHARED}"; is this a T5 checkpoint?`);
  for (const alias of tables) {
    if (!(await sameTensor(shared, alias)))
      throw new DfMergeError(
        'MISMATCH',
        `${dir}: "${alias.name}" differs from "${shared.name}"; T5 has one table for both`,
      );
  }
  const head = checkpoint.tensors.get(HEAD);
  const own = head !== undefined && !(await sameTensor(shared, head));
  return { checkpoint, config, shared, head: own ? head : undefined };
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

function parameterOf(tensorName: string, tied: boolean): string | undefined {
  if (isIgnored(tensorName)) return undefined;
  return isSharedAlias(tensorName) || (tied && tensorName === HEAD) ? SHARED : tensorName;
}

function toSetModel(member: Member, tied: boolean): SetModel {
  const { checkpoint } = member;
  return { dir: checkpoint.dir, checkpoint, sources: (parameters) => resolve(member, parameters, tied) };
}

function resolve(member: Member, parameters: readonly Parameter[], tied: boolean): ParameterSource[] {
  const { dir, tensors } = member.checkpoint;
  const found = new Map<string, TensorEntry>();
  for (const { name } of parameters) {
    const entry = name === SHARED ? member.shared : name === HEAD ? (member.head ?? member.shared) : tensors.get(name);
    if (entry) found.set(name, entry);
  }
  const wanted = new Set(parameters.map(({ name }) => name));
  const missing = parameters.filter(({ name }) => !found.has(name)).map(({ name }) => name);
  const extra = [...tensors.keys()].filter((name) => {
    const parameter = parameterOf(name, tied);
    return parameter !== undefined && !wanted.has(parameter);
  });
  const misshapen = parameters.flatMap(({ name, shape }) => {
    const entry = found.get(name);
    return entry && String(entry.shape) !== String(shape)
      ? [`${entry.name} is [${entry.shape}], expected [${shape}]`]
      : [];
  });
  const problems = [
    describe('missing', missing),
    describe('not of this architecture', extra),
    describe('of another shape', misshapen),
  ].filter(Boolean);
  if (problems.length > 0)
    throw new DfMergeError('MISMATCH', `${dir}: tensors do not fit the config: ${problems.join('; ')}`);
  return toSources(dir, found);
}

function toSources(dir: string, found: Map<string, TensorEntry>): ParameterSource[] {
  const refused: string[] = [];
  const sources: ParameterSource[] = [];
  for (const [name, { file, begin, dtype }] of found) {
    if (isWeightDType(dtype)) sources.push({ name, file, offset: begin, dtype });
    else refused.push(`${name} is ${dtype}`);
  }
  if (refused.length > 0)
    throw new DfMergeError(
      'UNSUPPORTED',
      `${dir}: weights must be F32, F16 or BF16: ${describe('of another type', refused)}`,
    );
  return sources;
}

const LISTED = 8;

/** "3 missing (a, b, c)", or '' for none. */
function describe(what: string, names: readonly string[]): string {
  if (names.length === 0) return '';
  const rest = names.length > LISTED ? `, and ${names.length - LISTED} more` : '';
  return `${names.length} ${what} (${names.slice(0, LISTED).join(', ')}${rest})`;
}
