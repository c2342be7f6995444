/** The door to architectures: each folder beside this file is one, and registers itself when it is imported here. */
import './t5/index.js';

export {
  architectureOf,
  architectures,
  registerArchitecture,
  type Architecture,
  type ModelFamily,
  type ModelSizes,
  type Parameter,
} from './architecture.js';
export { readGenerationTokens, type GenerationTokens } from './generation_tokens.js';
export { openModelSet, type ModelSet, type ParameterSource, type SetModel } from './model_set.js';
