import { join } from 'node:path';
import type { EngineConfig } from '../../bindings/index.js';
import { openCheckpoint, type Checkpoint } from '../checkpoint/folder.js';
import { isWeightDType, type TensorEntry, type WeightDType } from '../checkpoint/safetensors.js';
import { assertSameVocabulary } from '../checkpoint/vocabulary.js';
import { excerpt } from '../core/bounded_json.js';
import { DfMergeError } from '../core/errors.js';
import type { RunOptions } from '../core/progress.js';
import { adopt, type AdoptedCheckpoint } from './adopt.js';
import { architectureOf, type Architecture, type ModelFamily, type Parameter } from './architecture.js';

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

/** Models that belong together: one architecture and one vocabulary. */
export interface ModelSet {
  architecture: Architecture;
  base: SetModel;
  /** The fine-tuned models, in the order given. */
  models: SetModel[];
  /** The configuration that an engine for these models is made with. */
  engineConfig: EngineConfig;
  /** The first folder, the base before the models, that has a tokenizer.json. */
  tokenizerDir: string | undefined;
  /** The engine's parameter that an output tensor named as in the base holds; undefined for one that is left out. */
  parameterOf: (tensorName: string) => string | undefined;
  /** The tensors that the merged model has and the base lacks. */
  addedTensors: Parameter[];
  /** The keys of config.json whose values in a merged model differ from the base's; empty where `addedTensors` is. */
  configChanges: Record<string, unknown>;
}

/**
 * Opens a base and its fine-tuned models and checks that they can be merged.
 * Errors: those of openCheckpoint, architectureOf and Architecture.openFamily; MISMATCH naming the token and the folders.
 */
export async function openModelSet(
  baseDir: string,
  modelDirs: readonly string[],
  { onWarning }: Pick<RunOptions, 'onWarning'> = {},
): Promise<ModelSet> {
  const dirs = [baseDir, ...modelDirs];
  const opened: Checkpoint[] = [];
  for (const dir of dirs) opened.push(await openCheckpoint(dir, { onWarning, mayLack }));
  const architecture = sameArchitecture(opened);
  const checkpoints = opened.map((checkpoint) => adopt(checkpoint, architecture, onWarning));
  const family = await architecture.openFamily(checkpoints, onWarning);
  const tokenizerDir = await assertSameVocabulary(dirs);
  const [base, ...models] = checkpoints.map((checkpoint, i) => ({
    dir: checkpoint.dir,
    checkpoint,
    sources: (parameters: readonly Parameter[]) =>
      resolveSources({ checkpoint, tensorOf: family.tensors[i], family }, parameters),
  }));
  const { engineConfig, addedTensors, configChanges } = family;
  const parameterOf = (name: string) => family.parameterOf(name);
  return { architecture, base, models, engineConfig, tokenizerDir, parameterOf, addedTensors, configChanges };
}

function mayLack(config: Record<string, unknown>, file: string): (tensorName: string) => boolean {
  const architecture = architectureOf(config, file);
  return (tensorName) => architecture.isDispensable?.(tensorName) ?? false;
}

function sameArchitecture(checkpoints: readonly Checkpoint[]): Architecture {
  const [first, ...others] = checkpoints.map(({ config, dir }) => ({
    dir,
    architecture: architectureOf(config, join(dir, 'config.json')),
  }));
  for (const other of others) {
    if (other.architecture !== first.architecture)
      throw new DfMergeError(
        'MISMATCH',
        `${first.dir} is a ${first.architecture.title} and ${other.dir} a ${other.architecture.title}`,
      );
  }
  return first.architecture;
}

interface Member {
  checkpoint: AdoptedCheckpoint;
  tensorOf: (parameter: string) => TensorEntry | undefined;
  family: ModelFamily;
}

function resolveSources({ checkpoint, tensorOf, family }: Member, parameters: readonly Parameter[]): ParameterSource[] {
  const { dir, tensors, ignored } = checkpoint;
  const found = new Map<string, TensorEntry>();
  for (const { name } of parameters) {
    const entry = tensorOf(name);
    if (entry) found.set(name, entry);
  }
  const wanted = new Set(parameters.map(({ name }) => name));
  const missing = parameters.filter(({ name }) => !found.has(name)).map(({ name }) => name);
  const extra = [...tensors.keys()].filter((name) => {
    const parameter = family.parameterOf(name);
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
    describe(
      'not of this architecture',
      missing.length + extra.length + misshapen.length > 0 ? [...extra, ...ignored] : [],
    ),
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
      `${dir}: weights must be F32, F16 or BF16: ${describe('of another type', refused)}; save the model in float32 first (transformers: model.float().save_pretrained)`,
    );
  return sources;
}

/** How many names a message lists. */
const LISTED = 8;

/** Words such as "3 missing (a, b, c)", or '' for no names. */
function describe(what: string, names: readonly string[]): string {
  if (names.length === 0) return '';
  const rest = names.length > LISTED ? `, and ${names.length - LISTED} more` : '';
  return `${names.length} ${what} (${names.slice(0, LISTED).map(excerpt).join(', ')}${rest})`;
}
