import { openModelSet } from '../architectures/index.js';
import { checkArgument, checkCall, PATH, wholeNumber } from '../core/kinds.js';
import { checkComputeOptions, COMPUTE_KINDS } from '../engine/session.js';
import { parametersOf } from '../run/preflight.js';
import { checkRoom, roomFor } from '../run/room.js';
import { Model, type OpenModelOptions } from './model.js';

/** How many token ids an input may be cut to. */
export const MAX_INPUT_TOKENS = wholeNumber(2, 2 ** 20);

const KINDS = { ...COMPUTE_KINDS, maxInputTokens: MAX_INPUT_TOKENS };

/** θ, and the weights in the order in which products take them. */
const VECTORS = 2;

/**
 * Opens a model for use: a folder that was merged, fine-tuned or downloaded. Its weights are read once, and stay in memory until it is closed.
 *
 *     const model = await openModel('merged');
 *     const { choice } = await model.classify('a film that never ends', ['negative', 'positive']);
 *     await model.close();
 *
 * Errors: INVALID_ARGUMENT naming the option; NOT_FOUND, also for a folder without tokenizer.json; those of a checkpoint that cannot be read;
 * UNSUPPORTED where the machine has less memory than the model takes; NATIVE_LOAD; the signal's reason.
 */
export async function openModel(dir: string, options: OpenModelOptions = {}): Promise<Model> {
  checkArgument('openModel', ['dir', dir], PATH);
  checkCall('openModel', options, { kinds: KINDS });
  checkComputeOptions(options);
  const parameters = parametersOf(await openModelSet(dir, []));
  checkRoom(undefined, await roomFor({ parameters, vectors: VECTORS, written: 0 }, options), options.onWarning);
  return Model.open(dir, options);
}
