import { limitOf, type BenchRecord, type CaseRecord, type Measured } from './record.js';
import { CONVENTIONS } from './flops.js';
import type { LimitSample } from './spec.js';
import { median, sum } from '../lib/core/statistics.js';

const GIB = 2 ** 30;
const HEADINGS = ['case', 'median', 'min–max', 'rate', 'of limit', 'peak', 'notes'];

/** How headings, lists and tables are written: for the terminal or, as Markdown, for a file. */
export interface TableForm {
  heading(text: string): string;
  /** Writes the lines one below another. */
  list(lines: readonly string[]): string;
  table(headings: readonly string[], rows: readonly (readonly string[])[]): string;
}

export const MARKDOWN: TableForm = {
  heading: (text) => `## ${text}`,
  list: (lines) => lines.map((line) => `- ${line}`).join('\n'),
  table: (headings, rows) =>
    [headings, headings.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n'),
};

export const TERMINAL: TableForm = {
  heading: (text) => text,
  list: (lines) => lines.map((line) => `  ${line}`).join('\n'),
  table: (headings, rows) => {
    const widths = headings.map((heading, column) =>
      Math.max(heading.length, ...rows.map((row) => row[column].length)),
    );
    return [headings, ...rows]
      .map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column])).join('  ')}`.trimEnd())
      .join('\n');
  },
};

/** Writes the whole record: the machine, its limits, how work is counted, and one table for each group of cases. */
export function renderRecord(record: BenchRecord, form: TableForm): string {
  const groups = [...new Set(record.cases.map(({ group }) => group))];
  const tables = groups.map((group) => renderGroup(group, record, form));
  return [form.list(machineLines(record)), renderLimits(record, form), CONVENTIONS.join('\n'), ...tables].join('\n\n');
}

function machineLines({ machine, options, peers, started, whole }: BenchRecord): string[] {
  const { cpu, threads, memory, system, node, dfmerge, isa, matmul } = machine;
  const versions = Object.entries(peers).map(([name, version]) => `${name} ${version}`);
  const beside = versions.length > 1 ? `; beside: ${versions.join(', ')}` : ''; // Python itself is one of the versions.
  return [
    `${cpu}, ${threads} threads (${options.threads} used), ${(memory / GIB).toFixed(1)} GiB, ${system}`,
    `dfmerge ${dfmerge} on Node.js ${node}, kernels ${isa}; matrix products: ${matmul}`,
    `${started.slice(0, 10)}, ${whole ? 'all cases' : 'some cases'}${beside}`,
  ];
}

function renderLimits({ limits }: BenchRecord, form: TableForm): string {
  const rows = (['float32', 'bfloat16', 'copy'] as const).map((kind) => {
    const best = limitOf(limits, kind);
    if (!best) return [kind, 'not in this build', '', ''];
    const others = limits.filter((sample) => sample.kind === kind && sample.by !== best.by);
    const other = limitOf(others, kind);
    const what = kind === 'copy' ? `${best.what}, bytes read + bytes written` : best.what;
    return [kind, rate(best), `${what}, ${best.by}`, other ? `${other.by}: ${rate(other)}` : ''];
  });
  return [
    form.heading('Limits of this machine: the best of all programs here, at the start and at the end'),
    form.table(['', 'limit', 'reached at', 'beside'], rows),
  ].join('\n\n');
}

function rate({ kind, rate: value }: LimitSample): string {
  return `${significant(value)} ${kind === 'copy' ? 'GB/s' : 'GFLOP/s'}`;
}

function renderGroup(group: string, record: BenchRecord, form: TableForm): string {
  const members = record.cases.filter((entry) => entry.group === group);
  const run = members.filter(({ skipped, failed }) => !skipped && !failed);
  const lines = [...skips(members), ...members.flatMap(remarks)];
  const parts = [form.heading(group)];
  if (run.length > 0)
    parts.push(
      form.table(
        HEADINGS,
        run.map((entry) => cells(entry, record.limits)),
      ),
    );
  if (lines.length > 0) parts.push(form.list(lines));
  return parts.join('\n\n');
}

/** One line for each reason why cases were skipped, with their names. */
function skips(members: readonly CaseRecord[]): string[] {
  const reasons = [...new Set(members.flatMap(({ skipped }) => skipped ?? []))];
  return reasons.map(
    (reason) =>
      `skipped, ${reason}: ${members
        .filter(({ skipped }) => skipped === reason)
        .map(({ name }) => name)
        .join(', ')}`,
  );
}

/** What does not fit into a cell: failures, peers that could not do the case, and phases. */
function remarks({ name, failed, absent, measured }: CaseRecord): string[] {
  const lines = [
    ...(failed ? [`${name} FAILED: ${failed}`] : []),
    ...absent.map((peer) => `${name}, beside it: ${peer}`),
  ];
  const phases = measured[0]?.phases;
  if (!phases) return lines;
  const whole = sum(Object.values(phases));
  const parts = Object.entries(phases).map(
    ([phase, seconds]) => `${phase} ${time(seconds)} (${((100 * seconds) / whole).toFixed(1)} %)`,
  );
  return [...lines, `${name} by phase: ${parts.join(', ')}`];
}

function cells(entry: CaseRecord, limits: readonly LimitSample[]): string[] {
  const [ours, ...others] = entry.measured;
  const middle = median(ours.seconds);
  const notes = [
    checkNote(entry),
    ...readingNotes(ours),
    ...copyingNotes(entry),
    ...others.map((other) => beside(other, middle)),
  ].filter(Boolean);
  return [
    entry.name,
    time(middle),
    spread(ours.seconds),
    rateCell(entry, middle),
    limitCell(entry, middle, limits),
    memoryCell(ours),
    notes.join('; '),
  ];
}

function rateCell({ work }: CaseRecord, seconds: number): string {
  if (work.gflop !== undefined) return `${significant(work.gflop / seconds)} GFLOP/s`;
  if (work.tokens !== undefined) return `${significant(work.tokens / seconds)} tokens/s`;
  return work.gbyte === undefined ? '' : `${significant(work.gbyte / seconds)} GB/s`;
}

/** The fraction of the limit that was reached: the time that the useful work takes at the machine's limits, over the time taken. */
export function limitFraction(
  { work, dtype }: Pick<CaseRecord, 'work' | 'dtype'>,
  seconds: number,
  limits: readonly LimitSample[],
): number | undefined {
  const matrix = limitOf(limits, dtype);
  const copy = limitOf(limits, 'copy');
  if (
    (work.gflop !== undefined && !matrix) ||
    (work.gbyte !== undefined && !copy) ||
    (work.gflop ?? work.gbyte) === undefined
  )
    return undefined;
  return ((work.gflop ?? 0) / (matrix?.rate ?? 1) + (work.gbyte ?? 0) / (copy?.rate ?? 1)) / seconds;
}

function limitCell(entry: CaseRecord, seconds: number, limits: readonly LimitSample[]): string {
  const fraction = limitFraction(entry, seconds, limits);
  if (fraction === undefined) return '';
  const both = entry.work.gflop !== undefined && entry.work.gbyte !== undefined;
  return both ? `${fraction.toFixed(2)} (${(1 / fraction).toFixed(2)} x useful work / limit)` : fraction.toFixed(2);
}

function memoryCell({ peak, anonymous }: Measured): string {
  if (peak === undefined) return '';
  return `${mebibytes(peak)}${anonymous === undefined ? '' : ` (${mebibytes(anonymous)} unmapped)`}`;
}

function checkNote({ check }: CaseRecord): string {
  return check ? `checked against ${check.against}${check.error > 0 ? ` (${check.error.toExponential(0)})` : ''}` : '';
}

function readingNotes({ seconds, reading }: Measured): string[] {
  return reading
    ? [`reading the file into new memory ${time(median(reading))}: x ${(median(seconds) / median(reading)).toFixed(2)}`]
    : [];
}

function copyingNotes({ work, measured: [ours] }: CaseRecord): string[] {
  if (!ours?.copying || work.gbyte === undefined) return [];
  const rate = median(ours.copying);
  return [
    `copying right after ${significant(rate)} GB/s: ${(work.gbyte / median(ours.seconds) / rate).toFixed(2)} of it`,
  ];
}

function beside({ label, seconds, peak, same }: Measured, ours: number): string {
  const theirs = median(seconds);
  const agreement = same === undefined ? '' : `, the same ids in ${same}`;
  return `${label} ${time(theirs)}${label.startsWith('dfmerge') || peak === undefined ? '' : ` (${mebibytes(peak)})`}: x ${(theirs / ours).toFixed(2)}${agreement}`;
}

function significant(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** A time in the unit that fits it: s, ms or µs. */
export function time(seconds: number): string {
  const [scale, unit] = unitOf(seconds);
  return `${significant(seconds * scale)} ${unit}`;
}

function spread(seconds: readonly number[]): string {
  if (seconds.length === 1) return 'one run';
  const [scale, unit] = unitOf(Math.max(...seconds));
  return `${significant(Math.min(...seconds) * scale)}–${significant(Math.max(...seconds) * scale)} ${unit}`;
}

function unitOf(seconds: number): [scale: number, unit: string] {
  if (seconds >= 1) return [1, 's'];
  return seconds >= 1e-3 ? [1e3, 'ms'] : [1e6, 'µs'];
}

function mebibytes(bytes: number): string {
  return bytes >= GIB ? `${(bytes / GIB).toFixed(2)} GiB` : `${(bytes / 2 ** 20).toFixed(0)} MiB`;
}

/** The line that tells of a finished case while others still run. */
export function progressLine(entry: CaseRecord): string {
  const { name, skipped, failed, measured } = entry;
  if (skipped) return `${name}  skipped: ${skipped}`;
  if (failed) return `${name}  FAILED: ${failed}`;
  const [ours, ...others] = measured;
  const middle = median(ours.seconds);
  return [name, time(middle), rateCell(entry, middle), ...others.map((other) => beside(other, middle))]
    .filter(Boolean)
    .join('  ');
}
