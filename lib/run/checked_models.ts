import type { ModelSet } from '../architectures/index.js';

/** A model of a run. */
export interface CheckedModel {
  /** The folder as the user wrote it. */
  model: string;
  task?: string;
  architecture: string;
  parameters: number;
  /** The dtypes of its tensors. */
  dtype: string;
}

/**
 * The models of a set as a check tells of them.
 * @param written the folders as the user wrote them, the base first, and the tasks of the models
 */
export function checkedModels(
  { base, models, architecture }: ModelSet,
  written: readonly { model: string; task?: string }[],
  parameters: number,
): CheckedModel[] {
  return [base, ...models].map(({ checkpoint }, i) => ({
    model: written[i].model,
    ...(written[i].task === undefined ? {} : { task: written[i].task }),
    architecture: architecture.title,
    parameters,
    dtype: [...new Set([...checkpoint.tensors.values()].map(({ dtype }) => dtype))].join(', '),
  }));
}
