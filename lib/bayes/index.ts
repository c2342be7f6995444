export { BayesianOptimizer } from './optimizer.js';
export type { BayesianOptimizerOptions, BayesMode, Observation, OptimizerState } from './optimizer.js';
export type { AcquisitionName } from './acquisition.js';
export { Mt19937 } from './random.js';
