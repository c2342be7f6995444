import { SEARCH_METHODS, type MergeMethod } from './recipe.js';
import { oneOf } from './problems.js';
import type { ShapedRecipe } from './schema.js';
import type { KeyPath, Problem } from './source.js';

/** What a check reads and where it puts what it finds. */
interface Checked {
  recipe: ShapedRecipe;
  method: MergeMethod;
  report: (path: KeyPath, message: string) => void;
}

/** The method that is meant: DF-Merge without a Fisher is general task arithmetic. */
export function methodOf(recipe: ShapedRecipe): MergeMethod {
  return recipe.merge_method === 'df_merge' && recipe.fisher === 'none' ? 'gta' : recipe.merge_method;
}

/** A model's own weight, or the one given for all. */
export function weightOf(recipe: ShapedRecipe, model: number): number | undefined {
  return recipe.models[model].parameters?.weight ?? recipe.parameters.weight;
}

/** Averaging divides by the sum of the weights unless told otherwise, as in mergekit. */
export function normalizes(recipe: ShapedRecipe): boolean {
  return recipe.parameters.normalize ?? recipe.merge_method === 'linear';
}

/** What is wrong between the values of a recipe for one merge at given coefficients. */
export function problemsForMerge(recipe: ShapedRecipe): Problem[] {
  const { checked, problems } = start(recipe);
  checkCommon(checked);
  // Fisher merging weighs every model by 1/M unless told otherwise, for all of them.
  const optional =
    checked.method === 'fisher' && recipe.models.every((_, index) => weightOf(recipe, index) === undefined);
  if (checked.method !== 'linear' && !optional) requireWeights(checked);
  if (checked.method === 'fisher' || checked.method === 'df_merge') requireFisherInputs(checked);
  checkNormalize(checked);
  return problems;
}

/** What is wrong between the values of a recipe for a search of the coefficients. */
export function problemsForSearch(recipe: ShapedRecipe): Problem[] {
  const { checked, problems } = start(recipe);
  const { method, report } = checked;
  if (!(SEARCH_METHODS as readonly string[]).includes(method)) {
    report(
      ['merge_method'],
      `merge_method ${method} has no coefficients to search; expected one of: ${SEARCH_METHODS.join(', ')} (or use merge)`,
    );
  }
  checkCommon(checked);
  refuseWeights(checked, 'is what a search looks for; expected none (or use merge)');
  if (Object.keys(recipe.tasks).length === 0)
    report(['tasks'], 'tasks is missing; expected at least one, whose validation accuracy the search can raise');
  else if (method === 'df_merge') requireTasks(checked, 'whose inputs its Fisher is measured on');
  if (method === 'df_merge') refuseFisherFiles(checked);
  if (recipe.parameters.normalize)
    report(
      ['parameters', 'normalize'],
      'parameters.normalize is true; expected false in a search, whose coefficients are used as they are',
    );
  if (recipe.search.optimizer === 'bayes_opt' && recipe.search.acquisition === 'logei') {
    report(
      ['search', 'acquisition'],
      'search.acquisition is logei, which optimizer bayes_opt does not have; expected one of: ei, ucb',
    );
  }
  const { early_stopping: stops, early_stopping_margin: margin } = recipe.search;
  if (!stops && margin > 0)
    report(
      ['search', 'early_stopping_margin'],
      `search.early_stopping_margin is ${margin} without early_stopping; expected early_stopping: true beside it`,
    );
  return problems;
}

function start(recipe: ShapedRecipe): { checked: Checked; problems: Problem[] } {
  const problems: Problem[] = [];
  return {
    checked: { recipe, method: methodOf(recipe), report: (path, message) => problems.push({ path, message }) },
    problems,
  };
}

function checkCommon(checked: Checked): void {
  const { recipe, method, report } = checked;
  checkModelTasks(checked);
  if (method !== 'linear') {
    recipe.models.forEach(({ model }, index) => {
      if (model === recipe.base_model)
        report(
          ['models', index, 'model'],
          `models[${index}].model is the base model, which adds nothing to a merge of task vectors; expected a model fine-tuned from it`,
        );
    });
  }
  if (method === 'fisher' && recipe.fisher === 'none')
    report(
      ['fisher'],
      'fisher is none; expected a section of settings with merge_method fisher (without Fisher it is linear)',
    );
  if (recipe.fisher !== 'none' && recipe.fisher.mode === 'sampled' && recipe.fisher.min_weight > 0) {
    report(
      ['fisher', 'min_weight'],
      `fisher.min_weight is ${recipe.fisher.min_weight} with mode sampled, which draws from all choices and skips none; expected 0, or another mode`,
    );
  }
  if (recipe.out_dtype !== undefined && recipe.dtype !== undefined && recipe.dtype !== 'float32') {
    report(
      ['dtype'],
      `dtype is ${recipe.dtype} beside an out_dtype; expected float32, or only one of the two (both are of the output; how the engine computes is compute_dtype)`,
    );
  }
}

function checkModelTasks({ recipe, report }: Checked): void {
  const names = Object.keys(recipe.tasks);
  const first = new Map<string, number>();
  recipe.models.forEach(({ task }, index) => {
    if (task === undefined) return;
    const path = ['models', index, 'task'];
    const earlier = first.get(task);
    if (!names.includes(task)) {
      report(
        path,
        `models[${index}].task is ${task}, which is not in tasks; expected ${names.length > 0 ? oneOf(names, task) : `tasks to have { ${task}: { data: FOLDER } }`}`,
      );
    } else if (earlier !== undefined) {
      report(
        path,
        `models[${index}].task is ${task}, like models[${earlier}].task; expected a task of its own for each model`,
      );
    } else first.set(task, index);
  });
}

function requireWeights({ recipe, report }: Checked): void {
  recipe.models.forEach((_, index) => {
    if (weightOf(recipe, index) === undefined)
      report(
        ['models', index, 'parameters'],
        `models[${index}].parameters.weight is missing; expected a number, the coefficient of this model (search finds good ones)`,
      );
  });
}

function refuseWeights({ recipe, report }: Checked, reason: string): void {
  const refuse = (path: KeyPath, name: string) =>
    report(path, reason.startsWith('is ') ? `${name} ${reason}` : `${name} is given, but ${reason}`);
  if (recipe.parameters.weight !== undefined) refuse(['parameters', 'weight'], 'parameters.weight');
  recipe.models.forEach(({ parameters }, index) => {
    if (parameters?.weight !== undefined)
      refuse(['models', index, 'parameters', 'weight'], `models[${index}].parameters.weight`);
  });
}

/** A Fisher is measured on a task's inputs, or read from a file. */
function requireFisherInputs({ recipe, report }: Checked): void {
  const measured = recipe.models.some(({ fisher }) => fisher === undefined);
  if (measured && Object.keys(recipe.tasks).length === 0 && recipe.models.every(({ task }) => task === undefined)) {
    report(
      ['tasks'],
      'tasks is missing; expected { NAME: { data: FOLDER } } for each model, to measure its Fisher on (or models[].fisher: a fisher.safetensors)',
    );
  }
  recipe.models.forEach(({ task, fisher }, index) => {
    if (task === undefined && fisher === undefined)
      report(
        ['models', index],
        `models[${index}].task is missing; expected the name of the task its Fisher is measured on (or fisher: a fisher.safetensors)`,
      );
  });
}

function requireTasks({ recipe, report }: Checked, reason: string): void {
  recipe.models.forEach(({ task }, index) => {
    if (task === undefined)
      report(
        ['models', index],
        `models[${index}].task is missing; expected a task, ${reason}: ${oneOf(Object.keys(recipe.tasks), undefined)}`,
      );
  });
}

function refuseFisherFiles({ recipe, report }: Checked): void {
  recipe.models.forEach(({ fisher }, index) => {
    if (fisher !== undefined)
      report(
        ['models', index, 'fisher'],
        `models[${index}].fisher is a fixed file; expected none in a df_merge search, which measures the Fisher anew at every candidate`,
      );
  });
}

function checkNormalize({ recipe, method, report }: Checked): void {
  const fisherWeighted = method === 'df_merge' || method === 'fisher';
  const path = ['parameters', 'normalize'];
  if (fisherWeighted) {
    if (recipe.parameters.normalize)
      report(
        path,
        `parameters.normalize is true; expected false with ${method}, whose Fishers are normalised elementwise`,
      );
    return;
  }
  const sum = recipe.models.reduce((total, _, index) => total + (weightOf(recipe, index) ?? 1), 0);
  if (normalizes(recipe)) {
    if (Math.abs(sum) < 1e-6)
      report(['models'], `the weights add up to ${sum}; expected a sum other than 0 to divide them by`);
  } else if (method === 'linear' && Math.abs(sum - 1) > 1e-6) {
    report(
      path,
      `parameters.normalize is false and the weights add up to ${sum}; expected a sum of 1 with linear (task_arithmetic takes any weights)`,
    );
  }
}
