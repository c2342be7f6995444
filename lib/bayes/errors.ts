/** What the optimiser could not do: `INVALID_ARGUMENT` for what it was given, `NUMERIC` for a covariance that cannot be factored. */
export type OptimizerErrorCode = 'INVALID_ARGUMENT' | 'NUMERIC';

/** Every error that {@link BayesianOptimizer} throws on purpose; its message is meant for the user as it stands. */
export class OptimizerError extends RangeError {
  override readonly name = 'OptimizerError';
  readonly code: OptimizerErrorCode;

  constructor(code: OptimizerErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
