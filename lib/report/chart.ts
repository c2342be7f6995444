import type { ScaleLinear } from 'd3-scale';
import stringWidth from 'string-width';
import { html, type Html } from './html.js';

/** Colours are custom properties of the page's style, so that one drawing serves light and dark. */
const INK = 'var(--ink-soft)';
const RULE = 'var(--rule)';

/**
 * Pixels that a column of text needs at most at 12 pixels in the widest of the usual fonts (DejaVu Sans, Verdana), and what capitals, signs
 * and the widest letters need beyond that. A browser with a narrower font leaves a gap; with less room a label would be cut off.
 */
const COLUMN_WIDTH = 7.7;
const CAPITAL_EXTRA = 2.4;
const WIDEST_EXTRA = 4.4;

/** Pixels of the drawing; the page shows it as wide as it can, in the same proportions. */
export interface ChartSize {
  width: number;
  height: number;
}

/** Edges of the part of a drawing that holds the data, in pixels from the drawing's upper left corner. */
export interface Box {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

/** A whole drawing as SVG text: the same for the same parts. */
export function drawing({ width, height }: ChartSize, ...parts: (Html | undefined)[]): Html {
  return html`<svg viewBox="0 0 ${pixels(width)} ${pixels(height)}" font-size="12" fill="${INK}" aria-hidden="true">${parts}</svg>`;
}

/** Where a text stands: its anchor's place, the height being that of its middle. */
export interface TextPlace {
  x: number;
  y: number;
  /** The part of the text that stands at x. Default: its start. */
  anchor?: 'start' | 'middle' | 'end';
  /** Degrees that the text is turned by around its anchor, clockwise. */
  turned?: number;
}

/** A text of the drawing. */
export function label(text: string, { x, y, anchor = 'start', turned = 0 }: TextPlace): Html {
  const turn = turned === 0 ? undefined : html` transform="rotate(${turned} ${pixels(x)} ${pixels(y)})"`;
  return html`<text x="${pixels(x)}" y="${pixels(y)}" dy=".35em" text-anchor="${anchor}"${turn}>${text}</text>`;
}

/** The pixels that a text may need, as far as that can be told without its font. */
export function textWidth(text: string): number {
  const widest = text.match(/[mwMW@%…—]/g)?.length ?? 0;
  const capitals = text.match(/(?![MW])[\p{Lu}\p{Sm}#^]/gu)?.length ?? 0;
  return COLUMN_WIDTH * stringWidth(text) + WIDEST_EXTRA * widest + CAPITAL_EXTRA * capitals;
}

/** The text, with its end replaced by an ellipsis where it may need more than `width` pixels. */
export function shortened(text: string, width: number): string {
  if (textWidth(text) <= width) return text;
  let kept = '';
  for (const character of text) {
    if (textWidth(`${kept}${character}…`) > width) break;
    kept += character;
  }
  return `${kept.trimEnd()}…`;
}

/** The numbers of an axis as they are shown, each with its value. */
export interface Tick {
  value: number;
  text: string;
}

/** About `count` round numbers over the scale's domain. */
export function ticksOf(scale: ScaleLinear<number, number>, count: number): Tick[] {
  const format = scale.tickFormat(count);
  return scale.ticks(count).map((value) => ({ value, text: format(value) }));
}

/** The pixels that the numbers of a vertical axis need at the left of the data, with the gap between both. */
export function axisWidth(ticks: readonly Tick[]): number {
  return 8 + Math.max(...ticks.map(({ text }) => textWidth(text)));
}

/** A vertical axis: a rule across the data at each tick, and its number at the left. */
export function verticalAxis(scale: ScaleLinear<number, number>, ticks: readonly Tick[], { left, right }: Box): Html {
  const rules = ticks.map(({ value }) => rule({ left, right, top: scale(value), bottom: scale(value) }));
  const numbers = ticks.map(({ value, text }) => label(text, { x: left - 8, y: scale(value), anchor: 'end' }));
  return html`<g stroke="${RULE}">${rules}</g>${numbers}`;
}

/** A horizontal axis: each tick's number under the data. */
export function horizontalAxis(scale: ScaleLinear<number, number>, ticks: readonly Tick[], { bottom }: Box): Html {
  return html`${ticks.map(({ value, text }) => label(text, { x: scale(value), y: bottom + 14, anchor: 'middle' }))}`;
}

/** A line from the upper left to the lower right corner of the box. */
export function rule({ left, right, top, bottom }: Box): Html {
  return html`<path d="M${pixels(left)},${pixels(top)}L${pixels(right)},${pixels(bottom)}"/>`;
}

/** A coordinate to a tenth of a pixel: no eye resolves more, and the page is shorter. */
export function pixels(value: number): number {
  return Math.round(10 * value) / 10;
}
