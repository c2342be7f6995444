import { scaleLinear, type ScaleLinear } from 'd3-scale';
import { curveStepAfter, line, symbol, symbolStar, symbolTriangle, symbolTimes } from 'd3-shape';
import {
  axisWidth,
  drawing,
  horizontalAxis,
  label,
  pixels,
  textWidth,
  ticksOf,
  verticalAxis,
  type Box,
  type Tick,
} from './chart.js';
import { html, type Html } from './html.js';

/** What a trial's mark says of it. */
export type MarkKind = 'trial' | 'start' | 'stopped' | 'failed' | 'best' | 'line';

/** Values over the trials of a search. */
export interface TrialChart {
  /** Marks of trials, in ascending order of their numbers. */
  marks: readonly { trial: number; value: number; kind: 'trial' | 'start' | 'stopped' }[];
  /** Numbers of trials that have no value; they are marked at the bottom. */
  failed?: readonly number[];
  /** Values that hold from a trial until the next one, drawn as steps. */
  line?: readonly { trial: number; value: number }[];
  /** The mark to look at first. */
  best?: { trial: number; value: number; text?: string };
  /** The least and the greatest value of the axis. Default: round numbers around the values. */
  bounds?: readonly [number, number];
  /** The least and the greatest number of a trial, for charts that are read beside each other. Default: those of the trials. */
  trials?: readonly [number, number];
}

const POINT = 'var(--point)';
const ACCENT = 'var(--accent)';
const FAULT = 'var(--fault)';
const PAPER = 'var(--paper)';

/** A whole chart with the names of its axes, 800 pixels wide or, for a narrow window, 320. */
export function trialChart(chart: TrialChart, { valueName, narrow }: { valueName: string; narrow: boolean }): Html {
  const size = narrow ? { width: 320, height: 250 } : { width: 800, height: 310 };
  const frame = frameOf(chart, { ...size, top: 44, bottom: size.height - (chart.failed?.length ? 58 : 42), ticks: 6 });
  const { box, x } = frame;
  return drawing(
    size,
    label(valueName, { x: 0, y: 10 }),
    axesOf(frame, narrow ? 5 : 8),
    label('trial', { x: (box.left + box.right) / 2, y: size.height - 9, anchor: 'middle' }),
    marksOf(chart, frame, narrow ? 2.6 : 3.4),
    bestLabel(chart, frame),
    ...(chart.failed ?? []).map((trial) => mark('failed', [x(trial), box.bottom + 28], 4)),
  );
}

/** A small chart, of which many stand beside each other under captions of their own; 300 pixels wide. */
export function trialPanel(chart: TrialChart): Html {
  const size = { width: 300, height: 132 };
  const frame = frameOf(chart, { ...size, top: 10, bottom: size.height - 24, ticks: 3 });
  return drawing(size, axesOf(frame, 4), marksOf(chart, frame, 1.9));
}

/** A mark as a legend shows it. */
export function legendMark(kind: MarkKind): Html {
  const inside =
    kind === 'line'
      ? html`<path fill="none" stroke="${ACCENT}" stroke-width="2.5" d="M0,8H18"/>`
      : mark(kind, [9, 8], 4);
  return html`<svg viewBox="0 0 18 16" aria-hidden="true">${inside}</svg>`;
}

interface Frame {
  box: Box;
  x: ScaleLinear<number, number>;
  y: ScaleLinear<number, number>;
  ticks: readonly Tick[];
}

function frameOf(
  { marks, failed = [], line: steps = [], best, bounds, trials }: TrialChart,
  { width, top, bottom, ticks: count }: { width: number; top: number; bottom: number; ticks: number },
): Frame {
  const values = [...marks, ...steps, ...(best ? [best] : [])].map(({ value }) => value);
  const domain = bounds ?? roundDomain(values, count);
  const ticks = ticksOf(scaleLinear(domain, [0, 1]), count);
  const numbers = [...marks.map(({ trial }) => trial), ...failed];
  const range = trials ?? [Math.min(...numbers), Math.max(...numbers)];
  const box: Box = { left: axisWidth(ticks), right: width - 12, top, bottom };
  return {
    box,
    x: scaleLinear(range, [box.left + 6, box.right - 6]),
    y: scaleLinear(domain, [bottom, top]),
    ticks,
  };
}

function axesOf({ box, x, y, ticks }: Frame, count: number): Html {
  return html`${verticalAxis(y, ticks, box)}${horizontalAxis(x, trialTicks(x, count), box)}`;
}

function marksOf({ marks, line: steps, best }: TrialChart, { x, y }: Frame, radius: number): Html {
  const place = ({ trial, value }: { trial: number; value: number }): [number, number] => [x(trial), y(value)];
  const path = line().curve(curveStepAfter).digits(1)((steps ?? []).map(place));
  const points = (kind: 'trial' | 'start') =>
    marks.filter((one) => one.kind === kind).map((one) => place(one).map(pixels).join(','));
  const dots = (places: readonly string[], color: string, width: number) =>
    places.length === 0
      ? undefined
      : html`<path stroke="${color}" stroke-width="${pixels(width)}" d="${places.map((at) => `M${at}h0`).join('')}"/>`;
  return html`${path ? html`<path fill="none" stroke="${ACCENT}" stroke-width="2.5" d="${path}"/>` : undefined}<g stroke-linecap="round">${dots(points('trial'), POINT, 2 * radius)}${dots(points('start'), POINT, 2 * radius + 1)}${dots(points('start'), PAPER, 2 * radius - 1.6)}</g>${marks
    .filter(({ kind }) => kind === 'stopped')
    .map((one) =>
      mark('stopped', place(one), radius + 0.4),
    )}${best ? mark('best', place(best), radius + 3.2) : undefined}`;
}

/** A single mark around a place: the area of all kinds is about that of a circle of the radius. */
function mark(kind: Exclude<MarkKind, 'line'>, [x, y]: readonly [number, number], radius: number): Html {
  const at = html`transform="translate(${pixels(x)},${pixels(y)})"`;
  const area = Math.PI * radius ** 2;
  if (kind === 'best')
    return html`<path ${at} fill="${ACCENT}" stroke="${PAPER}" stroke-width="1.5" paint-order="stroke" d="${symbol(symbolStar, 1.1 * area).digits(1)() ?? ''}"/>`;
  if (kind === 'failed')
    return html`<path ${at} fill="none" stroke="${FAULT}" stroke-width="2" d="${symbol(symbolTimes, 0.9 * area).digits(1)() ?? ''}"/>`;
  if (kind === 'stopped')
    return html`<path ${at} fill="${POINT}" d="${symbol(symbolTriangle, 1.2 * area).digits(1)() ?? ''}"/>`;
  const [fill, line] = kind === 'start' ? [PAPER, 1.4] : [POINT, 0];
  return html`<circle ${at} fill="${fill}" stroke="${POINT}" stroke-width="${line}" r="${radius}"/>`;
}

/** The text over the best mark, kept inside the drawing. */
function bestLabel({ best }: TrialChart, { x, y, box }: Frame): Html | undefined {
  if (best?.text === undefined) return undefined;
  const half = textWidth(best.text) / 2;
  const middle = Math.min(box.right - half, Math.max(box.left + half, x(best.trial)));
  return html`<g font-weight="600" fill="${ACCENT}">${label(best.text, { x: middle, y: Math.max(28, y(best.value) - 15), anchor: 'middle' })}</g>`;
}

/** Round numbers around the values; where all are equal, a stretch around them. */
function roundDomain(values: readonly number[], count: number): [number, number] {
  const [least, greatest] = [Math.min(...values), Math.max(...values)];
  const room = least === greatest ? 1 : 0;
  const [from, to] = scaleLinear([least - room, greatest + room], [0, 1])
    .nice(count)
    .domain();
  return [from, to];
}

/** Whole numbers. The first trial's is always among them, and one that would stand too near to it is not. */
function trialTicks(scale: ScaleLinear<number, number>, count: number): Tick[] {
  const [first] = scale.domain();
  const others = ticksOf(scale, count).filter(
    ({ value }) => Number.isInteger(value) && scale(value) - scale(first) > 24,
  );
  return [first, ...others.map(({ value }) => value)].map((value) => ({ value, text: String(value) }));
}
