import { BarChart, LineChart, ScatterChart } from 'echarts/charts';
import { GridComponent } from 'echarts/components';
import * as echarts from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import type { EChartsOption } from 'echarts';
import { Html } from './html.js';

echarts.use([BarChart, LineChart, ScatterChart, GridComponent, SVGRenderer]);

export type { EChartsOption } from 'echarts';

/** Colours are custom properties of the page's style, so that one drawing serves light and dark. */
export const INK = 'var(--ink-soft)';
export const RULE = 'var(--rule)';
const SERIES_COLORS = 10;

/** Colour of the series at `index`, the merged model's being 0. */
export function seriesColor(index: number): string {
  return `var(--series-${index % SERIES_COLORS})`;
}

/** Pixels of the drawing; the page shows it at that size or smaller. */
export interface ChartSize {
  width: number;
  height: number;
}

/**
 * Draws a chart as SVG text.
 *
 * @param id - unique in the page, made of letters, digits and dashes
 */
export function renderChart(id: string, option: EChartsOption, size: ChartSize): Html {
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, ...size });
  try {
    chart.setOption({ animation: false, textStyle: { fontFamily: 'inherit', color: INK }, ...option });
    return new Html(withOwnNames(chart.renderToSVGString({ useViewBox: true }), id));
  } finally {
    chart.dispose();
  }
}

/**
 * echarts numbers what it names over the life of the process: two reports of one record would differ, and charts of one
 * page could share names. Classes and `ecmeta` serve its hover effects, which a drawing without script has no use for.
 */
function withOwnNames(svg: string, id: string): string {
  return svg
    .replace(/<style[^]*?<\/style>/g, '')
    .replace(/(<[a-z]+\b[^<>]*?)((?: (?:class|ecmeta_\w+)="[^"]*")+)/gi, '$1')
    .replace(/(\bid="|url\(#)zr\d+-/g, `$1${id}-`);
}

/** Look of an axis that all charts share. */
export const axisStyle = {
  axisLine: { lineStyle: { color: RULE } },
  axisTick: { show: false },
  axisLabel: { color: INK, fontSize: 12 },
  nameTextStyle: { color: INK, fontSize: 12 },
  splitLine: { lineStyle: { color: RULE } },
} as const;
