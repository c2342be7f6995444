import { methodNamed, SEARCH_METHODS, type RegisteredMethod } from '../methods/index.js';
import type { MergeMethod } from '../methods/method.js';
import { checkParametersForMerge, checkParametersForSearch, type Checked } from './check_parameters.js';
import { oneOf } from './problems.js';
import type { ShapedRecipe } from './schema.js';
import type { Problem } from './source.js';

/** The method that a recipe means: without Fishers some methods are another one. */
export function methodOf(recipe: ShapedRecipe): RegisteredMethod {
  const method = methodNamed(recipe.merge_method);
  const { withoutFisher } = method;
  return (recipe.fisher === 'none' && withoutFisher?.replaces && methodNamed(withoutFisher.name)) || method;
}

/** What is wrong between the values of a recipe for one merge at given coefficients. */
export function problemsForMerge(recipe: ShapedRecipe): Problem[] {
  const { checked, problems } = start(recipe);
  checkCommon(checked);
  if (checked.method.needs.tasks) requireInputs(checked);
  checkParametersForMerge(checked);
  return problems;
}

/** What is wrong between the values of a recipe for a search of the coefficients. */
export function problemsForSearch(recipe: ShapedRecipe): Problem[] {
  const { checked, problems } = start(recipe);
  const { method, report } = checked;
  if (method.search === undefined) {
    const names = SEARCH_METHODS.map(({ name }) => name).join(', ');
    report(
      ['merge_method'],
      `merge_method ${method.name} has no coefficients to search; expected one of: ${names} (or use merge)`,
    );
  }
  checkCommon(checked);
  checkParametersForSearch(checked);
  if (Object.keys(recipe.tasks).length === 0)
    report(['tasks'], 'tasks is missing; expected at least one, whose validation accuracy the search can raise');
  else if (method.search && method.needs.tasks) requireTasks(checked);
  if (method.search && method.needs.fisher?.at === 'candidate') refuseFisherFiles(checked);
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
  checkModelCount(checked);
  if (method.needs.base) {
    recipe.models.forEach(({ model }, index) => {
      if (model === recipe.base_model)
        report(
          ['models', index, 'model'],
          `models[${index}].model is the base model, which adds nothing to a merge of task vectors; expected a model fine-tuned from it`,
        );
    });
  }
  if (method.needs.fisher && recipe.fisher === 'none') {
    const other = method.withoutFisher ? ` (without Fisher it is ${method.withoutFisher.name})` : '';
    report(['fisher'], `fisher is none; expected a section of settings with merge_method ${method.name}${other}`);
  }
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

function checkModelCount({ recipe, method, report }: Checked): void {
  const { least, most = Infinity } = method.needs.models;
  const count = recipe.models.length;
  if (count >= least && count <= most) return;
  const words = least === most ? least : most === Infinity ? `at least ${least}` : `${least} to ${most}`;
  report(['models'], `models is a list of ${count}; expected ${words} in the list with merge_method ${method.name}`);
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

/** What the inputs of a model's task are for, and what may be given instead of a task. */
function useOfTask({ needs }: MergeMethod): { use: string; instead: boolean } {
  return needs.fisher
    ? { use: 'its Fisher is measured on', instead: true }
    : { use: 'its merge reads', instead: false };
}

/** Every model needs the inputs of a task, or a file with the Fisher that would be measured on them. */
function requireInputs({ recipe, method, report }: Checked): void {
  const { use, instead } = useOfTask(method);
  const open = recipe.models.map(({ fisher }) => !instead || fisher === undefined);
  if (
    open.includes(true) &&
    Object.keys(recipe.tasks).length === 0 &&
    recipe.models.every(({ task }) => task === undefined)
  ) {
    const or = instead ? ', to measure its Fisher on (or models[].fisher: a fisher.safetensors)' : '';
    report(['tasks'], `tasks is missing; expected { NAME: { data: FOLDER } } for each model${or}`);
  }
  recipe.models.forEach(({ task }, index) => {
    const or = instead ? ' (or fisher: a fisher.safetensors)' : '';
    if (task === undefined && open[index])
      report(['models', index], `models[${index}].task is missing; expected the name of the task ${use}${or}`);
  });
}

/** In a search every model needs a task, since a file would hold a Fisher of one candidate only. */
function requireTasks({ recipe, method, report }: Checked): void {
  recipe.models.forEach(({ task }, index) => {
    if (task === undefined)
      report(
        ['models', index],
        `models[${index}].task is missing; expected a task, whose inputs ${useOfTask(method).use}: ${oneOf(Object.keys(recipe.tasks), undefined)}`,
      );
  });
}

function refuseFisherFiles({ recipe, method, report }: Checked): void {
  recipe.models.forEach(({ fisher }, index) => {
    if (fisher !== undefined)
      report(
        ['models', index, 'fisher'],
        `models[${index}].fisher is a fixed file; expected none in a ${method.name} search, which measures the Fisher anew at every candidate`,
      );
  });
}
