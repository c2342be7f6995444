import { sum } from '../core/statistics.js';

/** The limits of a confidence interval. */
export interface Interval {
  low: number;
  high: number;
}

/** How many of the rows that were asked were answered rightly. */
export interface Proportion {
  successes: number;
  rows: number;
}

/** The quantile of the standard normal distribution that leaves 2.5 % above it: all intervals are of 95 %. */
const Z = 1.959963984540054;

/**
 * The score interval of Wilson (1927), of 95 %, for the accuracy that a model would have on endlessly many rows like these. It stays within
 * 0 and 1 and holds its promise for few rows and for accuracies near 0 and 1. For no rows it is all of [0, 1].
 */
export function wilsonInterval({ successes, rows }: Proportion): Interval {
  if (rows === 0) return { low: 0, high: 1 };
  const share = successes / rows;
  const middle = (share + Z ** 2 / (2 * rows)) / (1 + Z ** 2 / rows);
  const reach = (Z / (1 + Z ** 2 / rows)) * Math.sqrt((share * (1 - share)) / rows + Z ** 2 / (4 * rows ** 2));
  return {
    low: successes === 0 ? 0 : Math.max(0, middle - reach),
    high: successes === rows ? 1 : Math.min(1, middle + reach),
  };
}

/**
 * The interval of 95 % of the unweighted mean of independent accuracies, from their Wilson intervals by the method of variance estimates
 * recovery (Zou & Donner 2008): each side's distances to the limits add up as standard deviations do. Of one accuracy it is Wilson's interval.
 */
export function meanInterval(parts: readonly Proportion[]): Interval {
  const each = parts.map((part) => ({ share: part.successes / part.rows, ...wilsonInterval(part) }));
  const middle = sum(each.map(({ share }) => share)) / each.length;
  const reach = (distances: readonly number[]) => Math.sqrt(sum(distances.map((one) => one ** 2))) / each.length;
  return {
    low: middle - reach(each.map(({ share, low }) => share - low)),
    high: middle + reach(each.map(({ share, high }) => high - share)),
  };
}
