/** How many spans a corrupted text may have. */
export const SENTINELS = 8;

/** `<extra_id_0>` …: what T5 puts in place of a span that it took out. */
export const sentinel = (i: number): string => `<extra_id_${i}>`;

const PAD = '<pad>';
const EOS = '</s>';
const UNKNOWN = '<unk>';

/** tokenizer.json of a model whose tokens are the words of some texts, cut at white space. */
export function wordTokenizer(texts: Iterable<string>): { json: string; size: number } {
  const special = [PAD, EOS, UNKNOWN, ...Array.from({ length: SENTINELS }, (_, i) => sentinel(i))];
  const words = new Set<string>();
  for (const text of texts) for (const word of text.split(/\s+/)) if (word !== '') words.add(word);
  const pieces = [...special, ...[...words].sort()];
  const tokenizer = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: special.map((content, id) => ({ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true })),
    normalizer: null,
    pre_tokenizer: { type: 'WhitespaceSplit' },
    post_processor: {
      type: 'TemplateProcessing',
      single: [{ Sequence: { id: 'A', type_id: 0 } }, { SpecialToken: { id: EOS, type_id: 0 } }],
      pair: [{ Sequence: { id: 'A', type_id: 0 } }, { SpecialToken: { id: EOS, type_id: 0 } }, { Sequence: { id: 'B', type_id: 0 } }, { SpecialToken: { id: EOS, type_id: 0 } }],
      special_tokens: { [EOS]: { id: EOS, ids: [special.indexOf(EOS)], tokens: [EOS] } },
    },
    decoder: null,
    model: { type: 'WordLevel', vocab: Object.fromEntries(pieces.map((piece, id) => [piece, id])), unk_token: UNKNOWN },
  };
  return { json: `${JSON.stringify(tokenizer, null, 1)}\n`, size: pieces.length };
}
