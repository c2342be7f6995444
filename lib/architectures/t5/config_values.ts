import { excerpt } from '../../core/bounded_json.js';
import { DfMergeError } from '../../core/errors.js';
import type { OnWarning } from '../../core/progress.js';

/** A config.json that is being read. */
export interface ConfigSource {
  config: Readonly<Record<string, unknown>>;
  /** Its path, for messages. */
  file: string;
  onWarning?: OnWarning;
}

/** A complaint about a value of config.json. */
export function invalidConfig(file: string, message: string): DfMergeError {
  return new DfMergeError('INVALID_CONFIG', `${file}: ${message}`);
}

/** A value of config.json as a message shows it: its beginning, where it is long. */
export function shown(value: unknown): string {
  return excerpt(JSON.stringify(value) ?? 'undefined');
}

/** Reads an integer from `least` to `most`. A null counts as absent, since transformers writes unset keys that way. */
export function readCount(
  { config, file }: ConfigSource,
  key: string,
  { fallback, least, most }: { fallback?: number; least: number; most: number },
): number {
  const value = config[key] ?? fallback;
  if (value === undefined) throw invalidConfig(file, `${key} is missing`);
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < least)
    throw invalidConfig(file, `${key} is ${shown(value)}; expected an integer of at least ${least}`);
  if (value > most) throw invalidConfig(file, `${key} is ${shown(value)}; expected at most ${most}`);
  return value;
}

/** Reads true or false, or undefined where the key is absent. */
export function readFlag({ config, file }: ConfigSource, key: string): boolean | undefined {
  const value = config[key];
  if (value !== undefined && typeof value !== 'boolean')
    throw invalidConfig(file, `${key} is ${shown(value)}; expected true or false`);
  return value;
}
