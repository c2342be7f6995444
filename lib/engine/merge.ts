import type { Fold } from '../../bindings/index.js';
import type { Session } from './session.js';
import type { RunOptions } from '../core/progress.js';

/**
 * θ = θ0 + M (Σ C_i λ_i τ_i) / (Σ C_i), elementwise (paper eq. 7). `prepareFisher(i, fold)` leaves C_i in the engine for model i (1..M), or hands
 * `fold` to measureFisher, which folds it in as well, and says so; null: C_i = 1, which is θ0 + Σ λ_i τ_i.
 * The merged parameters become the engine's current ones. Errors: NUMERIC naming the tensor, ABORTED.
 */
export async function mergeModels(
  model: Session,
  coefficients: readonly number[],
  prepareFisher: ((index: number, fold: Fold) => Promise<'folded' | void>) | null,
  options: RunOptions = {},
): Promise<void> {
  const { signal, onProgress } = options;
  await model.job((engine) => engine.beginMerge(), signal);
  for (const [i, coefficient] of coefficients.entries()) {
    if ((await prepareFisher?.(i + 1, { model: i + 1, coefficient })) !== 'folded')
      await model.job(
        (engine) => engine.fold({ model: i + 1, coefficient, withFisher: prepareFisher !== null }),
        signal,
      );
    onProgress?.({ phase: 'merge', done: i + 1, total: coefficients.length });
  }
  await model.job((engine) => engine.finishMerge(coefficients.length), signal);
}
