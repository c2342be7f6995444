import type { Interval } from '../statistics/interval.js';
import { html, unbroken, type Html } from './html.js';

/** A bar with its number in words. */
export interface Bar {
  label: string;
  /** Length in the unit of the chart's `most`; an absent one leaves the place of the bar empty. */
  length: number | undefined;
  /** Drawn as a line over the end of the bar. */
  interval?: Interval;
  text: string;
  /** Index of the series whose colour it has. */
  series: number;
  /** True for the bar to look at first. */
  chief?: boolean;
}

/** Bars that lie under each other: a table whose second column has each number and a bar of its length, as wide as its place allows. */
export interface BarTable {
  caption: string;
  /** Stands beside the caption. */
  note?: string;
  /** What the labels are, and what the numbers are. */
  columns: readonly [string, string];
  bars: readonly Bar[];
  /** The length that fills the place. */
  most: number;
  /** True for a table that stands alone and has the whole width. */
  single?: boolean;
  /** True where the numbers are long, such as a time with its share. */
  long?: boolean;
}

export const SERIES_COLORS = 6;

/** The colour of the series at an index, the merged model's being 0. */
export function seriesColor(index: number): string {
  return `var(--series-${index % SERIES_COLORS})`;
}

export function barTable({ caption, note, columns, bars, most, single, long }: BarTable): Html {
  const share = (value: number) => Math.round(1e4 * Math.min(1, Math.max(0, value / most)) || 0) / 100;
  const rows = bars.map(({ label, length, interval, text, series, chief }) => {
    const fill =
      length === undefined
        ? undefined
        : html`<span class="fill" style="width:${share(length)}%;--color:${seriesColor(series)}"></span>`;
    const whisker =
      interval && length !== undefined
        ? html`<span class="whisker" style="left:${share(interval.low)}%;width:${Math.round(100 * (share(interval.high) - share(interval.low))) / 100}%"></span>`
        : undefined;
    return html`<tr${chief ? html` class="chief"` : undefined}><th scope="row">${label}</th><td><span class="bar"><span class="track" aria-hidden="true">${fill}${whisker}</span><span class="value">${unbroken(text)}</span></span></td></tr>\n`;
  });
  return html`<table class="bars${single ? ' single' : ''}${long ? ' long' : ''}"><caption>${caption}${note === undefined ? undefined : html` <small>${note}</small>`}</caption>
<colgroup><col><col></colgroup><thead class="hidden"><tr><th scope="col">${columns[0]}</th><th scope="col">${columns[1]}</th></tr></thead>
<tbody>
${rows}</tbody></table>`;
}

/** Drawings or tables side by side, as many in a row as there is room for. */
export function panels(parts: readonly Html[]): Html {
  return html`<div class="panels">
${parts.map((part) => html`<div class="panel">${part}</div>\n`)}</div>`;
}
