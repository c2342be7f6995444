const NOTHING = '–';
/** A number and its unit stay on one line. */
const SPACE = '\u00a0';

/** `0.6123` → `61.2 %`; an absent value → `–`. */
export function percent(fraction: number | undefined): string {
  return fraction === undefined ? NOTHING : `${(fraction * 100).toFixed(1)}${SPACE}%`;
}

/** Coefficients to four decimals: finer than any search resolves. */
export function coefficient(value: number | undefined): string {
  return value === undefined ? NOTHING : value.toFixed(4);
}

/** `0.042 s`, `12.3 s`, `4 min 05 s`, `1 h 02 min`. */
export function duration(seconds: number): string {
  if (seconds < 1) return `${seconds.toFixed(3)}${SPACE}s`;
  if (seconds < 59.95) return `${seconds.toFixed(1)}${SPACE}s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)}${SPACE}min${SPACE}${twoDigits(whole % 60)}${SPACE}s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)}${SPACE}h${SPACE}${twoDigits(minutes % 60)}${SPACE}min`;
}

/** A number that is reported as a bound: three digits, rounded up. */
export function bound(value: number): string {
  if (value === 0) return '0';
  const rounded = value.toPrecision(3);
  return Number(rounded) >= value
    ? rounded
    : (Number(rounded) + 10 ** (Math.floor(Math.log10(value)) - 2)).toPrecision(3);
}

/** Unweighted mean; undefined of nothing. */
export function mean(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}
