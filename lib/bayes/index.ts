export { BayesianOptimizer } from './optimizer.js';
export type { BayesianOptimizerOptions, OptimizerMode, Observation, OptimizerState } from './optimizer.js';
export type { AcquisitionName } from './acquisition.js';
export { OptimizerError, type OptimizerErrorCode } from './errors.js';
