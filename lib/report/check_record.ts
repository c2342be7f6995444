import { DfMergeError } from '../core/errors.js';
import type { RunRecord } from '../run/record.js';
import { problemOfRecord } from '../run/record_schema.js';

/** Throws INVALID_ARGUMENT, which names the first key that is wrong, where a value is no record of a run. */
export function checkRecord(what: string, value: unknown): asserts value is RunRecord {
  const issue = problemOfRecord(value);
  if (!issue) return;
  const path = issue.path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('');
  throw new DfMergeError(
    'INVALID_ARGUMENT',
    `${what}: record${path} is not what the dfmerge.json of a merged folder holds there (${issue.message})`,
  );
}
