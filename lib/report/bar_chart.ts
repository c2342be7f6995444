import { scaleBand, scaleLinear, type ScaleBand } from 'd3-scale';
import {
  axisWidth,
  drawing,
  horizontalAxis,
  label,
  pixels,
  seriesColor,
  shortened,
  textWidth,
  ticksOf,
  verticalAxis,
  type Box,
} from './chart.js';
import { html, type Html } from './html.js';

/** Groups of bars: a group per category, in each a bar per series, the series' colours being those of their indices. */
export interface BarChart {
  categories: readonly string[];
  /** Per series the values in percent by category; an absent one leaves its place empty. */
  series: readonly (readonly (number | undefined)[])[];
  /** Stands over the numbers of the value axis. */
  valueName: string;
}

/** A group's share of its category's place, and a bar's share of its own. */
const GROUP = 0.78;
const BAR = 0.92;
const WIDEST_BAR = 56;
const LONGEST_LABEL = 150;
/** Degrees by which labels are turned that would run into each other side by side. */
const TURN = 30;
const COSINE = Math.cos((TURN * Math.PI) / 180);
const SINE = Math.sin((TURN * Math.PI) / 180);

const percentScale = (from: number, to: number) => scaleLinear([0, 100], [from, to]);

/** Upright bars, 880 pixels wide; category labels are turned where they would not fit side by side. */
export function uprightBars({ categories, series, valueName }: BarChart): Html {
  const width = 880;
  const ticks = ticksOf(percentScale(0, 1), 5);
  const axis = axisWidth(ticks);
  const room = (width - axis) / categories.length;
  const labels = categories.map((category) => shortened(category, LONGEST_LABEL));
  const turned = labels.some((text) => textWidth(text) > room - 8);
  // A turned label ends under its group and begins to the left of it: the first ones may ask for room there.
  const left = turned
    ? Math.max(axis, ...labels.map((text, index) => COSINE * textWidth(text) - (index + 0.5) * room + 4))
    : axis;
  const longest = Math.max(...labels.map(textWidth));
  const box: Box = { left, right: width - 4, top: 32, bottom: 312 };
  const scale = percentScale(box.bottom, box.top);
  const places = scaleBand(categories.keys(), [box.left, box.right]);
  const bars = barsOf(series, places, ({ start, end, value, color }) => {
    const radius = Math.min(2, (end - start) / 2, box.bottom - scale(value));
    const [x0, x1, foot, y] = [start, end, box.bottom, scale(value)].map(pixels);
    const r = pixels(radius);
    return html`<path fill="${color}" d="M${x0},${foot}V${pixels(y + r)}q0,${-r},${r},${-r}H${pixels(x1 - r)}q${r},0,${r},${r}V${foot}Z"/>`;
  });
  const middle = (index: number) => places(index)! + places.bandwidth() / 2;
  return drawing(
    { width, height: box.bottom + (turned ? SINE * longest + 20 : 24) },
    label(valueName, { x: 0, y: 10 }),
    verticalAxis(scale, ticks, box),
    html`${bars}`,
    html`${labels.map((text, index) => label(text, turned ? { x: middle(index) + 4, y: box.bottom + 12, anchor: 'end', turned: -TURN } : { x: middle(index), y: box.bottom + 14, anchor: 'middle' }))}`,
  );
}

/** Bars that lie under each other, 360 pixels wide, for a narrow window. */
export function lyingBars({ categories, series }: BarChart): Html {
  const width = 360;
  const labels = categories.map((category) => shortened(category, 105));
  const bottom = 8 + categories.length * (18 + 9 * series.length);
  const box: Box = { left: 8 + Math.max(...labels.map(textWidth)), right: width - 14, top: 4, bottom };
  const scale = percentScale(box.left, box.right);
  const places = scaleBand(categories.keys(), [box.top, box.bottom]);
  const bars = barsOf(series, places, ({ start, end, value, color }) => {
    const radius = Math.min(2, (end - start) / 2, scale(value) - box.left);
    const [y0, y1, foot, x] = [start, end, box.left, scale(value)].map(pixels);
    const r = pixels(radius);
    return html`<path fill="${color}" d="M${foot},${y0}H${pixels(x - r)}q${r},0,${r},${r}V${pixels(y1 - r)}q0,${r},${-r},${r}H${foot}Z"/>`;
  });
  return drawing(
    { width, height: bottom + 24 },
    horizontalAxis(scale, ticksOf(scale, 5), { box, ruled: true }),
    html`${bars}`,
    html`${labels.map((text, index) => label(text, { x: box.left - 8, y: places(index)! + places.bandwidth() / 2, anchor: 'end' }))}`,
  );
}

/** A bar along the axis of categories, from `start` to `end` in pixels. */
interface Bar {
  start: number;
  end: number;
  value: number;
  color: string;
}

function barsOf(series: BarChart['series'], places: ScaleBand<number>, draw: (bar: Bar) => Html): Html[] {
  const room = Math.min((GROUP * places.bandwidth()) / series.length, WIDEST_BAR);
  return series.flatMap((values, index) =>
    values.flatMap((value, category) => {
      if (value === undefined || Number.isNaN(value)) return [];
      const middle = places(category)! + places.bandwidth() / 2 + (index + 0.5 - series.length / 2) * room;
      const half = (BAR * room) / 2;
      return draw({ start: middle - half, end: middle + half, value, color: seriesColor(index) });
    }),
  );
}
