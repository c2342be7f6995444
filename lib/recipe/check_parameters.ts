import type { MergeMethod } from '../methods/method.js';
import type { MethodParameter, NumberParameter, ParameterValues } from '../methods/parameter.js';
import { parametersBesideSearch, readParameters } from './parameters.js';
import { showPath } from './problems.js';
import type { ShapedRecipe } from './schema.js';
import type { KeyPath } from './source.js';

/** What the checks of a recipe read and where they put what they find. */
export interface Checked {
  recipe: ShapedRecipe;
  method: MergeMethod;
  report: (path: KeyPath, message: string) => void;
}

/** Complains about the parameters of a merge: wrong values, missing ones, and values that do not go together. */
export function checkParametersForMerge(checked: Checked): void {
  const { recipe, method, report } = checked;
  checkGiven(checked, (parameter, value) => mistakeIn(method, parameter, value));
  const values = requireValues(checked, method.parameters);
  const mistake = values && method.check?.(values);
  if (mistake) report(mistake.at in recipe.parameters ? ['parameters', mistake.at] : ['models'], mistake.message);
}

/** Complains about the parameters of a search, which gives none of those that it looks for. */
export function checkParametersForSearch(checked: Checked): void {
  const { method } = checked;
  checkGiven(checked, (parameter, value) => {
    if (parameter.type === 'boolean') {
      const { inSearch } = parameter;
      if (inSearch && value !== inSearch.value)
        return `is ${value}; expected ${inSearch.value} in a search, ${inSearch.reason}`;
    } else if (parameter.searchable) return 'is what a search looks for; expected none (or use merge)';
    return mistakeIn(method, parameter, value);
  });
  requireValues(checked, parametersBesideSearch(method));
}

/** Reports what `mistakeOf` says about each value that the recipe gives, after the value's name. */
function checkGiven(
  { recipe, method, report }: Checked,
  mistakeOf: (parameter: MethodParameter, value: number | boolean) => string | undefined,
): void {
  const sections = [
    { section: ['parameters'], values: recipe.parameters },
    ...recipe.models.map(({ parameters }, index) => ({
      section: ['models', index, 'parameters'],
      values: parameters ?? {},
    })),
  ];
  for (const { section, values } of sections) {
    for (const [name, value] of Object.entries(values)) {
      if (value === undefined) continue;
      const path = [...section, name];
      const parameter = method.parameters.find((known) => known.name === name);
      const mistake = parameter ? mistakeOf(parameter, value) : notAParameter(method);
      if (mistake !== undefined) report(path, `${showPath(path)} ${mistake}`);
    }
  }
}

function notAParameter({ name, parameters }: MergeMethod): string {
  return `is not a parameter of ${name}; expected only: ${parameters.map((parameter) => parameter.name).join(', ')}`;
}

/** What is wrong with a value by itself, to go after its name. */
function mistakeIn({ name }: MergeMethod, parameter: MethodParameter, value: number | boolean): string | undefined {
  if (parameter.type !== 'boolean')
    return isWithin(parameter, value as number) ? undefined : `is ${value}; expected ${numberWords(parameter)}`;
  const { only } = parameter;
  return only && value !== only.value ? `is ${value}; expected ${only.value} with ${name}, ${only.reason}` : undefined;
}

function isWithin(
  { type, range: { least = -Infinity, most = Infinity } = {} }: NumberParameter,
  value: number,
): boolean {
  return (type === 'number' || Number.isInteger(value)) && value >= least && value <= most;
}

/** Words for the numbers that a parameter takes, such as `a number from 0 to 1`. */
export function numberWords({ type, range: { least, most } = {} }: NumberParameter): string {
  const kind = type === 'integer' ? 'an integer' : 'a number';
  if (least !== undefined && most !== undefined) return `${kind} from ${least} to ${most}`;
  if (least !== undefined) return `${kind} of at least ${least}`;
  return most === undefined ? kind : `${kind} of at most ${most}`;
}

/** Returns the values of parameters, or reports those that are missing and returns nothing. */
function requireValues(
  { recipe, report }: Checked,
  parameters: MergeMethod['parameters'],
): ParameterValues | undefined {
  const { values, missing } = readParameters(recipe, parameters);
  for (const { parameter, model } of missing) {
    const section = model === undefined ? ['parameters'] : ['models', model, 'parameters'];
    const hint = parameter.searchable ? ' (search finds good ones)' : '';
    report(
      section,
      `${showPath([...section, parameter.name])} is missing; expected ${numberWords(parameter)}, ${parameter.description}${hint}`,
    );
  }
  return missing.length === 0 ? values : undefined;
}
