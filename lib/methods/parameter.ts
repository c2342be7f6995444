/** What every kind of parameter says of itself. */
interface Described {
  /** The name as recipes spell it, which is mergekit's spelling where mergekit has the parameter. */
  readonly name: string;
  /** What it is, to go after «a number, » in messages and into the documentation. */
  readonly description: string;
}

/** A number for each model or for all of them. */
export interface NumberParameter extends Described {
  readonly type: 'number' | 'integer';
  /** Whether every model has its own; a value beside the models' then holds for those without. */
  readonly perModel: boolean;
  /**
   * The value where a recipe gives none; absent where a recipe must give one. `1/M` stands for the same share of each of M models and therefore
   * holds only where no model is given a value.
   */
  readonly default?: number | '1/M';
  /** The numbers that are allowed, both limits included. */
  readonly range?: { readonly least?: number; readonly most?: number };
  /** Whether searches find good values, so that a recipe for a search gives none. */
  readonly searchable: boolean;
}

/** A choice between two ways, for all models. */
export interface BooleanParameter extends Described {
  readonly type: 'boolean';
  readonly perModel: false;
  readonly default: boolean;
  /** The one value that the method takes, known to recipes that are shared with other methods, and the reason, after a comma. */
  readonly only?: { readonly value: boolean; readonly reason: string };
  /** The one value that a search takes, and the reason, after a comma. */
  readonly inSearch?: { readonly value: boolean; readonly reason: string };
}

/** One parameter of a merge method, from which recipes are read and checked and the documentation is made. */
export type MethodParameter = NumberParameter | BooleanParameter;

/** Values by the names of parameters: a list holds one number per model, in the order of the recipe. */
export type ParameterValues = Readonly<Record<string, number | boolean | readonly number[]>>;

/** A mistake between values: the key of the recipe that it is told at, `models` or a parameter's name, and the message. */
export interface ParameterMistake {
  readonly at: string;
  /** What is wrong and, after a semicolon, what was expected. */
  readonly message: string;
}

/** The default of a parameter for `models` models; undefined where a recipe must give the value. */
export function defaultOf(parameter: MethodParameter, models: number): ParameterValues[string] | undefined {
  const { default: value, perModel } = parameter;
  const shared = value === '1/M' ? 1 / models : value;
  return perModel && typeof shared === 'number' ? Array<number>(models).fill(shared) : shared;
}

/** The default of every parameter that has one. */
export function defaultsOf(parameters: readonly MethodParameter[], models: number): ParameterValues {
  return Object.fromEntries(
    parameters.flatMap((parameter) => {
      const value = defaultOf(parameter, models);
      return value === undefined ? [] : [[parameter.name, value]];
    }),
  );
}
