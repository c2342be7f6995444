const NOTHING = '–';

/** `0.6123` → `61.2`, for where the unit stands elsewhere. */
export function percentage(fraction: number, { digits = 1 }: { digits?: number } = {}): string {
  return (100 * fraction).toFixed(digits);
}

/** `0.6123` → `61.2 %`; an absent value → `–`. */
export function percent(fraction: number | undefined, options: { digits?: number } = {}): string {
  return fraction === undefined ? NOTHING : `${percentage(fraction, options)} %`;
}

/** Coefficients to four decimals: finer than any search resolves. */
export function coefficient(value: number | undefined): string {
  return value === undefined ? NOTHING : value.toFixed(4);
}

/** Measured seconds: `0.042 s`, `12.3 s`, `4 min 05 s`, `1 h 02 min`. */
export function duration(seconds: number): string {
  if (seconds < 1) return `${seconds.toFixed(3)} s`;
  return seconds < 59.95 ? `${seconds.toFixed(1)} s` : roughDuration(seconds);
}

/** Seconds as people say them, such as those that are left: `42 s`, `4 min 05 s`, `1 h 02 min`. */
export function roughDuration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${twoDigits(whole % 60)} s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${twoDigits(minutes % 60)} min`;
}

/** An upper bound to three digits, rounded up so that it stays one. */
export function bound(value: number): string {
  if (value === 0) return '0';
  const rounded = value.toPrecision(3);
  return Number(rounded) >= value
    ? rounded
    : (Number(rounded) + 10 ** (Math.floor(Math.log10(value)) - 2)).toPrecision(3);
}

/** A difference of accuracies in percentage points, with its sign: `+10.3`, `−0.4`. */
export function points(difference: number): string {
  const text = (100 * difference).toFixed(1);
  if (Number(text) === 0) return '0.0';
  return text.startsWith('-') ? `−${text.slice(1)}` : `+${text}`;
}

/** A p value as it is written: `p = 0.032`, `p < 0.001`. */
export function probability(p: number): string {
  return p < 0.001 ? 'p < 0.001' : `p = ${p >= 0.1 ? p.toFixed(2) : p.toFixed(3)}`;
}

/** The limits of an interval of accuracies: `65.5–72.3 %`. */
export function range({ low, high }: { low: number; high: number }): string {
  return `${percentage(low)}–${percentage(high)} %`;
}

/** A whole number with its thousands apart: `7,381`. */
export function count(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** `1 row`, `2 rows`. */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** Names as a sentence lists them: `a, b and c`; of many, the first few and how many more. */
export function listed(names: readonly string[], most = 12): string {
  if (names.length > most) return `${names.slice(0, most - 1).join(', ')} and ${names.length - most + 1} more`;
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}
