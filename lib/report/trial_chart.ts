import { scaleLinear, type ScaleLinear } from 'd3-scale';
import { curveStepAfter, line, symbol, symbolTriangle } from 'd3-shape';
import {
  axisWidth,
  drawing,
  horizontalAxis,
  label,
  pixels,
  ticksOf,
  verticalAxis,
  type Box,
  type Tick,
} from './chart.js';
import { html, type Html } from './html.js';

/** Points and lines over the trials of a search. */
export interface TrialChart {
  /** The numbers of the trials in ascending order; every list of values below has one for each. */
  trials: readonly number[];
  /** Stands over the numbers of the value axis. */
  valueName: string;
  /** The least and the greatest value of the axis. Default: round numbers around the values. */
  bounds?: readonly [number, number];
  points: readonly TrialPoints[];
  /** Lines that are drawn as steps: each value holds until the next trial. */
  lines: readonly { color: string; width: number; values: readonly number[] }[];
}

/** One series of points. */
export interface TrialPoints {
  color: string;
  opacity?: number;
  /** Radius in pixels, in a wide and in a narrow drawing. */
  radius: { wide: number; narrow: number };
  values: readonly number[];
  /** True for points of which only the outline is drawn. */
  hollow?: (index: number) => boolean;
  /** True for points that are drawn as triangles. */
  triangle?: (index: number) => boolean;
}

/** The chart, 880 pixels wide or 360. */
export function trialChart(chart: TrialChart, narrow: boolean): Html {
  const size = narrow ? { width: 360, height: 260 } : { width: 880, height: 320 };
  const domain = chart.bounds ?? roundDomain([...chart.points, ...chart.lines].flatMap(({ values }) => values));
  const ticks = ticksOf(scaleLinear(domain, [0, 1]), 6);
  const box: Box = { left: axisWidth(ticks), right: size.width - 16, top: 32, bottom: size.height - 46 };
  const y = scaleLinear(domain, [box.bottom, box.top]);
  const x = scaleLinear([chart.trials[0], chart.trials.at(-1)!], [box.left, box.right]);
  const places = (values: readonly number[]) =>
    values.map((value, index) => [x(chart.trials[index]), y(value)] as Place);
  const steps = line().curve(curveStepAfter).digits(1);
  return drawing(
    size,
    label(chart.valueName, { x: 0, y: 10 }),
    verticalAxis(y, ticks, box),
    horizontalAxis(x, trialTicks(x, narrow ? 5 : 8), { box, ruled: false }),
    label('trial', { x: (box.left + box.right) / 2, y: box.bottom + 34, anchor: 'middle' }),
    ...chart.points.map((series) => pointsOf(series, places(series.values), narrow)),
    ...chart.lines.map(
      ({ color, width, values }) =>
        html`<path fill="none" stroke="${color}" stroke-width="${width}" d="${steps(places(values)) ?? ''}"/>`,
    ),
  );
}

/** A point of the drawing in pixels: x, y. */
type Place = [number, number];

function pointsOf(series: TrialPoints, places: readonly Place[], narrow: boolean): Html {
  const { color, opacity = 1, hollow, triangle } = series;
  const radius = narrow ? series.radius.narrow : series.radius.wide;
  // With the area of the circles a triangle would look smaller than they do.
  const outline = symbol(symbolTriangle, 2 * Math.PI * radius ** 2).digits(1)() ?? '';
  const marks = places.map((place, index) => {
    const fill = hollow?.(index) ? html` fill="var(--paper)"` : undefined;
    const [x, y] = place.map(pixels);
    return triangle?.(index)
      ? html`<path${fill} transform="translate(${x},${y})" d="${outline}"/>`
      : html`<circle${fill} cx="${x}" cy="${y}" r="${radius}"/>`;
  });
  return html`<g fill="${color}" stroke="${color}" stroke-width="1.2" opacity="${opacity}">${marks}</g>`;
}

/** Round numbers around the values; where all are equal, a stretch around them. */
function roundDomain(values: readonly number[]): [number, number] {
  const [least, greatest] = [Math.min(...values), Math.max(...values)];
  const room = least === greatest ? 1 : 0;
  const [from, to] = scaleLinear([least - room, greatest + room], [0, 1])
    .nice(6)
    .domain();
  return [from, to];
}

/** Whole numbers. The first trial's is always among them, and one that would stand too near to it is not. */
function trialTicks(scale: ScaleLinear<number, number>, count: number): Tick[] {
  const [first] = scale.domain();
  const others = ticksOf(scale, count).filter(
    ({ value }) => Number.isInteger(value) && scale(value) - scale(first) > 20,
  );
  return [first, ...others.map(({ value }) => value)].map((value) => ({ value, text: String(value) }));
}
