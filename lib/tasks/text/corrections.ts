import type { LibraryNormalizer, LibraryPreTokenizer, LibraryTokenizer } from './library.js';
import { PrecompiledMap } from './precompiled.js';

/**
 * Replaces the steps of a loaded tokenizer that @huggingface/tokenizers 0.2 computes otherwise than the Rust `tokenizers`. These are
 * - `Precompiled` normalizers, for which see PrecompiledMap;
 * - `Strip` and `WhitespaceSplit`: unlike Unicode's White_Space, JavaScript's white space has U+FEFF and lacks U+0085. Old newspaper and
 *   review text holds U+0085, so that this changes ids of real data.
 *
 * @param json the tokenizer.json that `tokenizer` was made from
 * Errors: those of PrecompiledMap.
 */
export function correct(tokenizer: LibraryTokenizer, json: Record<string, unknown>): void {
  correctNormalizer(tokenizer.normalizer, json.normalizer as Settings | null);
  correctPreTokenizer(tokenizer.pre_tokenizer, json.pre_tokenizer as Settings | null);
}

/** A step of tokenizer.json; a `Sequence` holds other steps. */
interface Settings {
  type?: string;
  precompiled_charsmap?: string | null;
  strip_left?: boolean;
  strip_right?: boolean;
  normalizers?: Settings[];
  pretokenizers?: Settings[];
}

function correctNormalizer(step: LibraryNormalizer | null, settings: Settings | null): void {
  if (!step || !settings) return;
  if (settings.type === 'Sequence')
    settings.normalizers?.forEach((part, i) => correctNormalizer(step.normalizers?.[i] ?? null, part));
  if (settings.type === 'Strip') step.normalize = strip(settings);
  if (settings.type === 'Precompiled' && settings.precompiled_charsmap) {
    const map = new PrecompiledMap(settings.precompiled_charsmap);
    step.normalize = (text) => map.normalize(text);
  }
}

function correctPreTokenizer(step: LibraryPreTokenizer | null, settings: Settings | null): void {
  if (!step || !settings) return;
  if (settings.type === 'Sequence')
    settings.pretokenizers?.forEach((part, i) => correctPreTokenizer(step.tokenizers?.[i] ?? null, part));
  if (settings.type === 'WhitespaceSplit') step.pre_tokenize_text = (text) => text.match(/\P{White_Space}+/gu) ?? [];
}

function strip({ strip_left: left, strip_right: right }: Settings): (text: string) => string {
  return (text) => {
    const cut = left ? text.replace(/^\p{White_Space}+/u, '') : text;
    return right ? cut.replace(/\p{White_Space}+$/u, '') : cut;
  };
}
