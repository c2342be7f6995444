import { improvement, logImprovement, normalCdf, normalPdf, type LogImprovement } from './normal.js';
import type { Posterior } from './gp.js';

/**
 * What a suggestion maximises: 'ei' is the expected improvement (Jones et al. 1998), 'logei' its logarithm (Ament et al. 2023), and
 * 'ucb' the upper confidence bound (Srinivas et al. 2010).
 */
export type AcquisitionName = 'ei' | 'logei' | 'ucb';

/**
 * The worth of trying a point about which this is believed; larger is better. Where `gradient` [d] is given it receives the derivative
 * by x, made from the gradients in `belief`.
 */
export type Acquisition = (belief: Posterior, gradient?: Float64Array) => number;

/** Settings in the units of the belief's targets. */
export interface AcquisitionSettings {
  /** The value that EI and LogEI want to improve on. */
  incumbent: number;
  /** ξ, the improvement that EI and LogEI ask for beyond the incumbent. */
  xi: number;
  /** κ, the weight that UCB gives to the standard deviation. */
  kappa: number;
}

export function acquisitionOf(name: AcquisitionName, settings: AcquisitionSettings): Acquisition {
  const target = settings.incumbent + settings.xi;
  if (name === 'ucb') return upperConfidenceBound(settings.kappa);
  return name === 'ei' ? expectedImprovement(target) : logExpectedImprovement(target);
}

/** EI = σ h((μ − target) / σ), and max(μ − target, 0) at σ = 0, its limit, where the quotient is 0/0 or infinite. */
export function expectedImprovement(target: number): Acquisition {
  return (belief, gradient) => {
    const gain = belief.mean - target;
    const z = gain / belief.std;
    const certain = belief.std === 0;
    const cdf = certain ? (gain > 0 ? 1 : 0) : normalCdf(z);
    if (gradient) chain(belief, { byMean: cdf, byStd: certain ? 0 : normalPdf(z) }, gradient);
    // h(z) → z: rounding could otherwise turn a hopeless point's tiny EI negative.
    return certain ? Math.max(gain, 0) : Math.max(belief.std * improvement(z), 0);
  };
}

/** LogEI = log σ + log h((μ − target) / σ), finite however hopeless the point; −∞ only where σ = 0 and μ ≤ target. */
export function logExpectedImprovement(target: number): Acquisition {
  const log: LogImprovement = { value: 0, slope: 0 };
  return (belief, gradient) => {
    const gain = belief.mean - target;
    if (belief.std === 0) {
      if (gradient) chain(belief, { byMean: gain > 0 ? 1 / gain : 0, byStd: 0 }, gradient);
      return gain > 0 ? Math.log(gain) : -Infinity;
    }
    const z = gain / belief.std;
    logImprovement(z, log);
    if (gradient) chain(belief, { byMean: log.slope / belief.std, byStd: (1 - log.slope * z) / belief.std }, gradient);
    return Math.log(belief.std) + log.value;
  };
}

/** UCB = μ + κ σ. */
export function upperConfidenceBound(kappa: number): Acquisition {
  return (belief, gradient) => {
    if (gradient) chain(belief, { byMean: 1, byStd: kappa }, gradient);
    return belief.mean + kappa * belief.std;
  };
}

/** Derivatives of an acquisition by μ and by σ. */
interface Slopes {
  byMean: number;
  byStd: number;
}

/** Writes the derivative by x: the chain rule through μ(x) and σ(x). */
function chain(belief: Posterior, { byMean, byStd }: Slopes, gradient: Float64Array): void {
  for (let j = 0; j < gradient.length; j++)
    gradient[j] = byMean * belief.meanGradient[j] + byStd * belief.stdGradient[j];
}
