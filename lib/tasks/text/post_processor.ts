import { FormatError, type PostProcessor } from './format.js';

/** The ids that a post-processor puts around the ids of a text. */
export interface Around {
  before: readonly number[];
  after: readonly number[];
}

/**
 * What a post-processor puts around one text; pairs of texts do not occur here.
 * @param key where it stands in tokenizer.json
 * Throws FormatError.
 */
export function aroundText(settings: PostProcessor | null | undefined, key = 'post_processor'): Around {
  if (!settings) return { before: [], after: [] };
  switch (settings.type) {
    case 'ByteLevel': // It moves offsets alone.
      return { before: [], after: [] };
    case 'BertProcessing':
    case 'RobertaProcessing':
      return { before: [settings.cls[1]], after: [settings.sep[1]] };
    case 'TemplateProcessing':
      return template(settings, key);
    case 'Sequence': {
      const parts = settings.processors.map((part, i) => aroundText(part, `${key}.processors[${i}]`));
      const adding = parts.filter(({ before, after }) => before.length + after.length > 0);
      // To a template the parts that another one made are texts of their own, for which Rust `tokenizers` has no defined result.
      if (adding.length > 1) throw new FormatError(key, 'more than one processor that adds tokens is not supported');
      return adding[0] ?? { before: [], after: [] };
    }
  }
}

function template(settings: Extract<PostProcessor, { type: 'TemplateProcessing' }>, key: string): Around {
  const before: number[] = [];
  const after: number[] = [];
  let seen = false;
  for (const [i, piece] of settings.single.entries()) {
    if ('Sequence' in piece) {
      if (seen || piece.Sequence.id !== 'A')
        throw new FormatError(`${key}.single[${i}]`, 'a template must hold the text A, and once only');
      seen = true;
      continue;
    }
    const { id } = piece.SpecialToken;
    const token = Object.hasOwn(settings.special_tokens, id) ? settings.special_tokens[id] : undefined;
    if (!token) throw new FormatError(`${key}.single[${i}]`, `special_tokens has no ${JSON.stringify(id)}`);
    (seen ? after : before).push(...token.ids);
  }
  if (!seen) throw new FormatError(`${key}.single`, 'a template must hold the text A');
  return { before, after };
}
