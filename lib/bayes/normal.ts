/**
 * The standard normal distribution in its tails. erfc follows the rational Chebyshev approximations of Cody, "Rational Chebyshev
 * approximations for the error function", Math. Comp. 23 (1969), accurate to a few units in the last place.
 */
const ERF_P = [3.1611237438705655, 113.86415415105016, 377.485237685302, 3209.3775891384694, 0.18577770618460315];
const ERF_Q = [23.601290952344122, 244.02463793444417, 1282.6165260773723, 2844.236833439171];
const MIDDLE_P = [
  0.5641884969886701, 8.883149794388377, 66.11919063714163, 298.6351381974001, 881.952221241769, 1712.0476126340707,
  2051.0783778260716, 1230.3393547979972, 2.1531153547440383e-8,
];
const MIDDLE_Q = [
  15.744926110709835, 117.6939508913125, 537.1811018620099, 1621.3895745666903, 3290.7992357334597, 4362.619090143247,
  3439.3676741437216, 1230.3393548037495,
];
const TAIL_P = [
  0.30532663496123236, 0.36034489994980445, 0.12578172611122926, 0.016083785148742275, 0.0006587491615298378,
  0.016315387137302097,
];
const TAIL_Q = [2.568520192289822, 1.8729528499234673, 0.5279051029514285, 0.06051834131244132, 0.0023352049762686918];

const SQRT2 = Math.SQRT2;
const INVERSE_SQRT_2PI = 1 / Math.sqrt(2 * Math.PI);
const HALF_LOG_2PI = 0.5 * Math.log(2 * Math.PI);
const SQRT_HALF_PI = Math.sqrt(Math.PI / 2);

/** A quotient of polynomials in Cody's form: the last entry of p leads the numerator, and q is monic. */
function rational(x: number, p: readonly number[], q: readonly number[]): number {
  const last = p.length - 1;
  let numerator = p[last] * x;
  let denominator = x;
  for (let i = 0; i < last - 1; i++) {
    numerator = (numerator + p[i]) * x;
    denominator = (denominator + q[i]) * x;
  }
  return (numerator + p[last - 1]) / (denominator + q[last - 1]);
}

/** exp(x²) erfc(x) for x ≥ 0, which decays like 1 / (x √π) and never underflows. */
export function erfcx(x: number): number {
  if (x <= 0.46875) return Math.exp(x * x) * (1 - x * rational(x * x, ERF_P, ERF_Q));
  if (x <= 4) return rational(x, MIDDLE_P, MIDDLE_Q);
  const inverseSquare = 1 / (x * x);
  return (1 / Math.sqrt(Math.PI) - inverseSquare * rational(inverseSquare, TAIL_P, TAIL_Q)) / x;
}

/** The distribution function Φ(z), which keeps its relative accuracy in the lower tail. */
export function normalCdf(z: number): number {
  const x = Math.abs(z) / SQRT2;
  if (x <= 0.46875) return 0.5 + (0.5 * z * rational(x * x, ERF_P, ERF_Q)) / SQRT2;
  const tail = 0.5 * Math.exp(-0.5 * z * z) * erfcx(x);
  return z < 0 ? tail : 1 - tail;
}

/** The density φ(z). */
export function normalPdf(z: number): number {
  return INVERSE_SQRT_2PI * Math.exp(-0.5 * z * z);
}

/** The expected improvement of a unit normal, h(z) = φ(z) + z Φ(z), whose derivative is Φ. */
export function improvement(z: number): number {
  return normalPdf(z) + z * normalCdf(z);
}

/** A logarithm and its derivative, written by {@link logImprovement}. */
export interface LogImprovement {
  value: number;
  slope: number;
}

/** Below this the asymptotic series is exact to double precision, and the direct form begins to lose digits to cancellation. */
const ASYMPTOTIC_BELOW = -30;

/**
 * Writes log h(z) and its derivative Φ(z) / h(z), for any finite z (Ament et al. 2023, "Unexpected improvements to expected improvement",
 * eq. 9). Below −1, h = φ(z) (1 + z R) with the Mills ratio R = Φ/φ, which never underflows; below −30 the bracket's own series
 * 1/z² − 3/z⁴ + 15/z⁶ − 105/z⁸ + … is used.
 */
export function logImprovement(z: number, out: LogImprovement): void {
  if (z > -1) {
    const h = improvement(z);
    out.value = Math.log(h);
    out.slope = normalCdf(z) / h;
    return;
  }
  const logPdf = -0.5 * z * z - HALF_LOG_2PI;
  if (z > ASYMPTOTIC_BELOW) {
    const mills = SQRT_HALF_PI * erfcx(-z / SQRT2);
    const bracket = 1 + z * mills;
    out.value = logPdf + Math.log(bracket);
    out.slope = mills / bracket;
    return;
  }
  const u = 1 / (z * z);
  const bracket = 1 - u * (3 - u * (15 - u * (105 - u * (945 - u * 10395))));
  const mills = 1 - u * (1 - u * (3 - u * (15 - u * (105 - u * 945))));
  out.value = logPdf - 2 * Math.log(-z) + Math.log(bracket);
  out.slope = (-z * mills) / bracket;
}
