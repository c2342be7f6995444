import type { Pass, PlanRequest } from './method.js';

/** θ = θ0 + Σ λ_i τ_i: every C_i is 1, so that M cancels the mean. */
export function planOfSum({ coefficients }: PlanRequest): Pass[] {
  return [
    { pass: 'begin' },
    ...coefficients.map((coefficient, i): Pass => ({ pass: 'fold', model: i + 1, coefficient, weighted: false })),
    { pass: 'finish' },
  ];
}

/**
 * θ = θ0 + M (Σ F_i λ_i τ_i) / Σ F_i, elementwise (paper, eq. 7). Each Fisher is measured where the request says and folded at once, so that
 * only one of them is held at a time; one that lies in a file is read instead.
 */
export function planWithFishers({ coefficients, fisher }: PlanRequest): Pass[] {
  const passesOf = (coefficient: number, i: number): Pass[] => {
    const model = i + 1;
    if (fisher.fromFile[i]) {
      return [
        { pass: 'read fisher', model },
        { pass: 'fold', model, coefficient, weighted: true },
      ];
    }
    return [
      fisher.at === 'model' ? { pass: 'load', model } : { pass: 'move', model, coefficient },
      { pass: 'measure', model, coefficient },
    ];
  };
  return [{ pass: 'begin' }, ...coefficients.flatMap(passesOf), { pass: 'finish' }];
}
