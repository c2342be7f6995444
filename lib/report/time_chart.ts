import { scaleLinear } from 'd3-scale';
import { drawing, label, roundedBar, seriesColor, textWidth } from './chart.js';
import { html, type Html } from './html.js';

/** A bar with its number beside it. */
export interface TimeBar {
  name: string;
  seconds: number;
  /** The time in words. */
  text: string;
}

/** Heights of a row and of the bar in it, in pixels. */
const ROW = 30;
const BAR = 16;

/** Bars that lie under each other, as long as the times that they stand for; 880 pixels wide or 360. */
export function timeChart(bars: readonly TimeBar[], narrow: boolean): Html {
  const width = narrow ? 360 : 880;
  const left = 8 + Math.max(...bars.map(({ name }) => textWidth(name)));
  const right = width - 6 - Math.max(...bars.map(({ text }) => textWidth(text)));
  const scale = scaleLinear([0, Math.max(...bars.map(({ seconds }) => seconds)) || 1], [left, right]);
  const rows = bars.map(({ name, seconds, text }, index) => {
    const middle = 6 + (index + 0.5) * ROW;
    const end = scale(seconds);
    const sides = [middle - BAR / 2, middle + BAR / 2] as const;
    const bar = roundedBar({ foot: left, end, sides, color: seriesColor(0) }, 'lying');
    return html`${label(name, { x: left - 8, y: middle, anchor: 'end' })}${bar}${label(text, { x: end + 6, y: middle })}\n`;
  });
  return drawing({ width, height: 12 + ROW * bars.length }, ...rows);
}
