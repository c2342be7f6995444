import { isDeepStrictEqual } from 'node:util';
import { stringify } from 'yaml';
import type { Origin } from './origin.js';

/** What the Hub is told of a model. */
export interface FrontMatter {
  /** What the model is to its base model; absent where it has none. */
  relation?: 'merge' | 'finetune';
  /** The base model first, and then the models that were merged. */
  origins: readonly Origin[];
  tags: readonly string[];
}

/**
 * The YAML at the beginning of a model card, between its two lines of `---`. The Hub takes its own identifiers alone for base models: where the
 * base is not known to have one, the key is left out. A licence is stated where the base's card states it, and no merged model's card another.
 */
export function frontMatter({ relation, origins, tags }: FrontMatter): string {
  const lines = [
    ...(relation === undefined ? [] : [baseModels(origins), yamlOf({ base_model_relation: relation })]),
    yamlOf({ library_name: 'transformers' }),
    licenseOf(origins),
    yamlOf({ tags: [...new Set(tags)] }),
  ];
  return `---\n${lines.join('')}---\n`;
}

function baseModels(origins: readonly Origin[]): string {
  const ids = [...new Set(origins.flatMap(({ hubId }) => hubId ?? []))];
  if (origins[0]?.hubId === undefined)
    return '# base_model is left out: the identifier of the base model on the Hub, owner/name, is not known here\n';
  return yamlOf({ base_model: ids.length === 1 ? ids[0] : ids });
}

function licenseOf(origins: readonly Origin[]): string {
  const [base] = origins;
  const stated = origins.flatMap(({ license }) => (license === undefined ? [] : [license]));
  if (stated.length === 0) return '';
  if (base?.license && stated.every((license) => isDeepStrictEqual(license, base.license))) return yamlOf(base.license);
  return '# license is left out: the cards of the models state different ones, or that of the base states none\n';
}

function yamlOf(value: object): string {
  return stringify(value, { lineWidth: 0 });
}
