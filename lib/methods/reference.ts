import { METHODS, SEARCH_METHODS, type RegisteredMethod } from './index.js';
import type { MethodParameter } from './parameter.js';

/** The table of methods in docs/recipe.md, in Markdown. `npm run docs:methods` puts it there. */
export function methodsTable(): string {
  const rows = METHODS.map((method) => [
    [method.name, ...method.aliases].map((spelling) => `\`${spelling}\``).join(', '),
    `${method.title} (${method.source})`,
    method.formula,
    parametersWords(method),
    searchWords(method),
  ]);
  const heading = ['`merge_method`', 'name and source', 'θ', 'parameters', 'what a search looks for'];
  return [heading, heading.map(() => '---'), ...rows]
    .map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`)
    .join('\n');
}

/** Every method for `dfmerge merge --help`, with its parameters on a line of their own. */
export function helpOfMethods(): string {
  return METHODS.map((method) => helpOf(method, parametersWords(method))).join('\n');
}

/** The methods that `dfmerge search` can do, for its `--help`, with what it looks for on a line of their own. */
export function helpOfSearchMethods(): string {
  return SEARCH_METHODS.map((method) => helpOf(method, searchWords(method))).join('\n');
}

function helpOf({ name, title, formula }: RegisteredMethod, detail: string): string {
  const width = Math.max(...METHODS.map((method) => method.name.length));
  return `  ${name.padEnd(width)}  ${title}: ${formula}\n  ${' '.repeat(width)}  ${detail}`;
}

function parametersWords({ parameters }: RegisteredMethod): string {
  return parameters.filter(hasChoice).map(parameterWords).join('; ');
}

/** Whether the parameter has another value than the one that it always has. */
function hasChoice(parameter: MethodParameter): boolean {
  return parameter.type !== 'boolean' || parameter.only === undefined;
}

function parameterWords(parameter: MethodParameter): string {
  const { name, perModel, default: value } = parameter;
  return `${name}${perModel ? ' of each model' : ''} (${value === undefined ? 'required' : `default ${value}`})`;
}

function searchWords({ search }: RegisteredMethod): string {
  if (search === undefined) return '–';
  return search.over === 'coefficients'
    ? 'a coefficient for each model'
    : `one coefficient for all: ${gridWords(search.grid)}`;
}

/** A short grid is shown whole, and a long one by its first step and its end. */
function gridWords(grid: readonly number[]): string {
  return grid.length > 4 ? `${grid[0]}, ${grid[1]} … ${grid.at(-1)}` : grid.join(', ');
}
