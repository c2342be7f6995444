import { dfMerge } from '../methods/df_merge.js';
import type { Plan } from './plan.js';

/** The recipe of the demo's search, whose paths are relative to the demo's folder. */
export function recipeText(tasks: readonly string[], search: Plan['search'], seed: number): string {
  const models = tasks.map((task) => `  - { model: models/${task}, task: ${task} }\n`).join('');
  const data = tasks.map((task) => `  ${task}: { data: data/${task} }\n`).join('');
  return `# Made by dfmerge demo. Run it again: dfmerge search recipe.yaml --out merged-again
merge_method: ${dfMerge.name}
base_model: models/base
models:
${models}tasks:
${data}fisher: { mode: exact, samples: 30, split: validation }
search: { acquisition: ei, xi: 0.01, init: ${search.init}, iterations: ${search.iterations}, validation_ratio: 1.0, seed: ${seed} }
dtype: float32
`;
}
