import { DfMergeError } from '../../core/errors.js';
import { invalidConfig, readFlag, shown, type ConfigSource } from './config_values.js';

/** transformers' names of one function, 0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³))); they differ in how they round it. */
const GELU_NEW: ReadonlySet<string> = new Set([
  ...['gelu_new', 'gelu_pytorch_tanh', 'gelu_python_tanh', 'gelu_fast', 'gelu_accurate'],
]);

interface Activation {
  gated: boolean;
  /** Its name in transformers' ACT2FN. */
  name: string;
}

/**
 * The activation of the feed-forward layers. `feed_forward_proj` says it, "gated-gelu" meaning gelu_new, and `is_gated_act` and `dense_act_fn`
 * overrule it where they are there, as they do in transformers.
 */
export function readActivation(source: ConfigSource, isMt5: boolean): Activation {
  const { config, file, onWarning } = source;
  const projection =
    config.feed_forward_proj === undefined ? (isMt5 ? 'gated-gelu' : 'relu') : config.feed_forward_proj;
  const derived = activationOf(projection);
  if (!derived) throw unsupported(source, `feed_forward_proj ${shown(projection)}`);
  const name = config.dense_act_fn ?? derived.name;
  if (typeof name !== 'string') throw invalidConfig(file, `dense_act_fn is ${shown(name)}; expected a name`);
  const activation = { gated: readFlag(source, 'is_gated_act') ?? derived.gated, name };
  const overruled = activation.gated !== derived.gated || kernelOf(activation) !== kernelOf(derived);
  const said = `feed_forward_proj ${shown(projection)}`;
  const by = `is_gated_act ${activation.gated} and dense_act_fn ${shown(name)}`;
  if (kernelOf(activation) === undefined) throw unsupported(source, overruled ? `${said} with ${by}` : said);
  if (overruled) onWarning?.(`${file}: ${said} is overruled by ${by}, as in transformers`);
  return activation;
}

/** What feed_forward_proj says in transformers: `{ACT_FN}` or `gated-{ACT_FN}`. */
function activationOf(projection: unknown): Activation | undefined {
  if (typeof projection !== 'string') return undefined;
  const parts = projection.split('-');
  if (parts.length > 2 || (parts.length === 2 && parts[0] !== 'gated')) return undefined;
  const name = projection === 'gated-gelu' ? 'gelu_new' : parts[parts.length - 1];
  return { gated: parts[0] === 'gated', name };
}

/** What computes an activation, or undefined for one that the engine does not have. */
function kernelOf({ gated, name }: Activation): 'relu' | 'gated gelu_new' | undefined {
  if (gated) return GELU_NEW.has(name) ? 'gated gelu_new' : undefined;
  return name === 'relu' ? 'relu' : undefined;
}

function unsupported({ file }: ConfigSource, what: string): DfMergeError {
  const expected = 'expected "relu" or "gated-gelu" (dense_act_fn gelu_new, or another name of it)';
  return new DfMergeError('UNSUPPORTED', `${file}: ${what} is not supported; ${expected}`);
}

/**
 * Whether the decoder's output is multiplied by d_model^-0.5 before the head. In a T5 `scale_decoder_outputs` says it and, where that is
 * absent, `tie_word_embeddings`. An mT5 scales nothing: that is what transformers 5 computes, which writes tie_word_embeddings true for all.
 */
export function readScaling(source: ConfigSource, isMt5: boolean): boolean {
  const scaled = readFlag(source, 'scale_decoder_outputs');
  const { tie_word_embeddings: given = null, transformers_version: version } = source.config;
  const tied = given === null ? undefined : readFlag(source, 'tie_word_embeddings');
  if (!isMt5) return scaled ?? tied ?? true;
  const old = typeof version === 'string' && Number.parseInt(version, 10) < 5;
  if (scaled === true || (tied === true && old))
    source.onWarning?.(
      `${source.file}: ${scaled ? 'scale_decoder_outputs' : 'tie_word_embeddings'} is true in an mT5, whose logits are not scaled, ` +
        'as in transformers 5 (transformers 4 scaled them where tie_word_embeddings is true)',
    );
  return false;
}
