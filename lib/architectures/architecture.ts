import type { EngineConfig } from '../../bindings/index.js';
import type { Checkpoint } from '../checkpoint/folder.js';
import type { TensorEntry } from '../checkpoint/safetensors.js';
import { excerpt } from '../core/bounded_json.js';
import { DfMergeError } from '../core/errors.js';
import type { OnWarning } from '../core/progress.js';

/** A parameter as the engine lists it. */
export interface Parameter {
  name: string;
  shape: number[];
}

/** What an architecture says of checkpoints that are to be merged, after it has checked that they can be. */
export interface ModelFamily {
  /** The configuration that an engine for these models is made with. */
  engineConfig: EngineConfig;
  /** One function per checkpoint, in the order given, that finds the tensor of a parameter of the engine, or undefined where there is none. */
  tensors: ((parameter: string) => TensorEntry | undefined)[];
  /** The engine's parameter that a tensor of this name holds; undefined for one that no computation uses, which merged models leave out. */
  parameterOf(tensorName: string): string | undefined;
  /** The tensors that the merged model has and the first checkpoint lacks. */
  addedTensors: Parameter[];
  /** The keys of config.json whose values in a merged model differ from those of the first checkpoint. */
  configChanges: Record<string, unknown>;
}

/** How large a new model is. */
export interface ModelSizes {
  /** The width of the residual stream, a multiple of `heads`. */
  width: number;
  /** The width of the feed-forward layers. */
  feedForward: number;
  /** How many blocks each stack has. */
  layers: number;
  heads: number;
  /** How many token ids the tokenizer has. */
  vocabSize: number;
}

/**
 * An architecture: which checkpoints it reads and how the engine computes with them. Its other half lies in native/models, under the same
 * name; nothing outside the two folders knows it.
 */
export interface Architecture {
  /** The name under which its native half registered itself. */
  name: string;
  /** The name that messages and documents use. */
  title: string;
  /** The class of transformers that loads its folders. */
  transformersClass: string;
  /** The values of config.json's `model_type` that it reads. */
  modelTypes: readonly string[];
  /** Values of `model_type` that look alike although it cannot compute them, each with the reason. */
  unlike?: Readonly<Record<string, string>>;
  /** The class of transformers' tokenizer for a folder that names none. By default, it does what tokenizer.json says and adds nothing. */
  tokenizerClass?: string;
  /** The name by which it knows a tensor of a file, without what training wrappers add. By default, every name is its own. */
  nameOf?(stored: string): string;
  /** True for a tensor (by the name of nameOf) that it has no place for and that can be left out. By default, nothing can. */
  canIgnore?(tensor: TensorEntry): boolean;
  /** True for a tensor that an index may list although no shard holds it, such as a second name of a tied table. By default, none may. */
  isDispensable?(tensorName: string): boolean;
  /**
   * Checks that checkpoints can be merged, the base before its children.
   * Errors: INVALID_CONFIG and UNSUPPORTED for a config.json; MISMATCH naming the config key or tensor, and the folders.
   */
  openFamily(checkpoints: readonly Checkpoint[], onWarning?: OnWarning): Promise<ModelFamily>;
  /** The configuration of an engine that initialises a model of this config.json. Errors: INVALID_CONFIG, UNSUPPORTED. */
  engineConfig(config: Record<string, unknown>, file: string, onWarning?: OnWarning): EngineConfig;
  /** The config.json of a new, small model. */
  newConfig(sizes: ModelSizes): Record<string, unknown>;
}

const registered: Architecture[] = [];

/** Makes an architecture known. Each does so in a file of its own. */
export function registerArchitecture(architecture: Architecture): void {
  registered.push(architecture);
}

/** Every architecture, in the order in which they registered themselves. */
export function architectures(): readonly Architecture[] {
  return registered;
}

/**
 * The architecture that reads a config.json.
 * @param config the config.json as parsed
 * @param file its path, for messages
 * Errors: INVALID_CONFIG where `model_type` is missing; UNSUPPORTED for one that nobody reads.
 */
export function architectureOf(config: Record<string, unknown>, file: string): Architecture {
  const type = config.model_type;
  const known = registered.flatMap(({ modelTypes }) => modelTypes.map((name) => `"${name}"`)).join(' or ');
  if (typeof type !== 'string')
    throw new DfMergeError('INVALID_CONFIG', `${file}: model_type is missing; expected ${known}`);
  const found = registered.find(({ modelTypes }) => modelTypes.includes(type));
  if (found) return found;
  const reason = registered.map(({ unlike }) => unlike?.[type]).find(Boolean);
  const why = reason === undefined ? '' : ` (${reason})`;
  throw new DfMergeError(
    'UNSUPPORTED',
    `${file}: model_type "${excerpt(type)}" is not supported; expected ${known}${why}`,
  );
}
