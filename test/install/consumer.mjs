/** A program that uses the installed package by its name: the library in JavaScript, then the native engine. */
export const useByName = `
import { BayesianOptimizer, DfMergeError, info } from 'dfmerge';

const optimizer = new BayesianOptimizer({ bounds: [[0, 1], [-1, 1]], init: 2, seed: 1 });
for (let i = 0; i < 3; i++) {
  const x = optimizer.ask();
  optimizer.tell(x, -(x[0] ** 2));
}
if (info().isa.available.length === 0) throw new DfMergeError('NATIVE_LOAD', 'no instruction set');
console.log('works');
`;

/** A program whose types are checked against the package's declarations. */
export const consumerTypes = `
import { BayesianOptimizer, DfMergeError, info, search, type ErrorCode, type SearchOptions } from 'dfmerge';

export const point: number[] = new BayesianOptimizer({ bounds: [[0, 1]], seed: 1 }).ask();
export const sets: string[] = info().isa.available;
export const code: ErrorCode = new DfMergeError('BUSY', 'busy').code;
export const options = (recipe: Parameters<typeof search>[0], rest: SearchOptions): unknown[] => [recipe, rest];
// @ts-expect-error: an option that does not exist
new BayesianOptimizer({ bounds: [[0, 1]], nonsense: true });
`;
