import type { Pace } from '../core/pace.js';

/** How many sentinels there are. A corrupted text has fewer spans. */
export const SENTINELS = 8;

/** What T5 puts in place of span number i that it took out, such as `<extra_id_0>`. */
export const sentinel = (i: number): string => `<extra_id_${i}>`;

const PAD = '<pad>';
const EOS = '</s>';
const UNKNOWN = '<unk>';

/** A tokenizer.json, with the number of tokens that it knows. */
export interface WordTokenizer {
  json: string;
  size: number;
}

/**
 * Makes a tokenizer whose tokens are T5's special tokens and the words of some texts, cut at white space. Throws the reason of the pace's signal.
 */
export async function wordTokenizer(texts: Iterable<string>, pace: Pace): Promise<WordTokenizer> {
  const special = [PAD, EOS, UNKNOWN, ...Array.from({ length: SENTINELS }, (_, i) => sentinel(i))];
  const words = new Set<string>();
  await pace.forEach(texts, (text) => {
    for (const word of text.split(' ')) words.add(word);
  });
  const pieces = [...special, ...[...words].sort()];
  const end = { SpecialToken: { id: EOS, type_id: 0 } };
  const part = (id: 'A' | 'B') => ({ Sequence: { id, type_id: 0 } });
  const tokenizer = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: special.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null,
    pre_tokenizer: { type: 'WhitespaceSplit' },
    post_processor: {
      type: 'TemplateProcessing',
      single: [part('A'), end],
      pair: [part('A'), end, part('B'), end],
      special_tokens: { [EOS]: { id: EOS, ids: [special.indexOf(EOS)], tokens: [EOS] } },
    },
    decoder: null,
    model: { type: 'WordLevel', vocab: Object.fromEntries(pieces.map((piece, id) => [piece, id])), unk_token: UNKNOWN },
  };
  return { json: `${JSON.stringify(tokenizer, null, 1)}\n`, size: pieces.length };
}
