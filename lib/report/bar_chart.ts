import { scaleBand, scaleLinear } from 'd3-scale';
import {
  axisWidth,
  drawing,
  horizontalAxis,
  label,
  roundedBar,
  seriesColor,
  shortened,
  textWidth,
  ticksOf,
  verticalAxis,
  type Bar,
  type Box,
} from './chart.js';
import type { Html } from './html.js';

/** Groups of bars: a group per category, and in each a bar per series, whose colour is that of its index. */
export interface BarChart {
  categories: readonly string[];
  /** For each series the values in percent by category; an absent one leaves its place empty. */
  series: readonly (readonly (number | undefined)[])[];
  /** Stands over the numbers of the value axis. */
  valueName: string;
}

/** The share of a category's place that its bars fill, and the share of its own place that a bar fills. */
const GROUP = 0.78;
const BAR = 0.92;
const WIDEST_BAR = 56;
/** Degrees by which labels are turned that would run into each other side by side. */
const TURN = 30;
const COSINE = Math.cos((TURN * Math.PI) / 180);
const SINE = Math.sin((TURN * Math.PI) / 180);

/** Upright bars, 880 pixels wide; the categories' labels are turned where they would not fit side by side. */
export function uprightBars(chart: BarChart): Html {
  const right = 876;
  const ticks = ticksOf(percentScale(0, 1), 5);
  const labels = chart.categories.map((category) => shortened(category, 150));
  const room = (right - axisWidth(ticks)) / labels.length;
  const turned = labels.some((text) => textWidth(text) > room - 8);
  // A turned label ends under its group and begins to the left of it: the first ones may ask for room there.
  const begins = turned ? labels.map((text, index) => COSINE * textWidth(text) - (index + 0.5) * room + 4) : [];
  const box: Box = { left: Math.max(axisWidth(ticks), ...begins), right, top: 32, bottom: 312 };
  const scale = percentScale(box.bottom, box.top);
  const middles = middlesOf(labels.length, [box.left, box.right]);
  const names = labels.map((text, index) =>
    turned
      ? label(text, { x: middles[index] + 4, y: box.bottom + 12, anchor: 'end', turned: -TURN })
      : label(text, { x: middles[index], y: box.bottom + 14, anchor: 'middle' }),
  );
  return drawing(
    { width: 880, height: box.bottom + (turned ? 20 + SINE * Math.max(...labels.map(textWidth)) : 24) },
    label(chart.valueName, { x: 0, y: 10 }),
    verticalAxis(scale, ticks, box),
    ...barsOf(chart, middles, scale).map((bar) => roundedBar(bar, 'upright')),
    ...names,
  );
}

/** Bars that lie under each other, 360 pixels wide, for a narrow window. */
export function lyingBars(chart: BarChart): Html {
  const labels = chart.categories.map((category) => shortened(category, 105));
  const left = 8 + Math.max(...labels.map(textWidth));
  const box: Box = { left, right: 346, top: 4, bottom: 8 + labels.length * (18 + 9 * chart.series.length) };
  const scale = percentScale(box.left, box.right);
  const middles = middlesOf(labels.length, [box.top, box.bottom]);
  return drawing(
    { width: 360, height: box.bottom + 24 },
    horizontalAxis(scale, ticksOf(scale, 5), { box, ruled: true }),
    ...barsOf(chart, middles, scale).map((bar) => roundedBar(bar, 'lying')),
    ...labels.map((text, index) => label(text, { x: left - 8, y: middles[index], anchor: 'end' })),
  );
}

function percentScale(from: number, to: number) {
  return scaleLinear([0, 100], [from, to]);
}

/** Where the middles of `count` categories are that share a stretch of pixels. */
function middlesOf(count: number, stretch: readonly [number, number]): number[] {
  const places = scaleBand(Array(count).keys(), stretch);
  return places.domain().map((category) => places(category)! + places.bandwidth() / 2);
}

function barsOf({ series }: BarChart, middles: readonly number[], scale: (value: number) => number): Bar[] {
  const place = middles.length > 1 ? middles[1] - middles[0] : Infinity;
  const room = Math.min((GROUP * place) / series.length, WIDEST_BAR);
  return series.flatMap((values, index) =>
    values.flatMap((value, category) => {
      if (value === undefined || Number.isNaN(value)) return [];
      const middle = middles[category] + (index + 0.5 - series.length / 2) * room;
      const sides = [middle - (BAR * room) / 2, middle + (BAR * room) / 2] as const;
      return { foot: scale(0), end: scale(value), sides, color: seriesColor(index) };
    }),
  );
}
