import { customProperties, DARK, LIGHT } from './palette.js';

/** The style sheet of a page. Its colours have a value for light and one for dark; drawings use them by the same names. */
export const STYLE = `
:root { color-scheme: light dark; ${customProperties(LIGHT)} }
@media (prefers-color-scheme: dark) { :root { ${customProperties(DARK)} } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
h1 { font-size: 1.7rem; line-height: 1.25; font-weight: 600; margin: 0 0 .25rem; letter-spacing: -.01em; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; font-weight: 600; line-height: 1.35; margin: 3rem 0 .4rem; overflow-wrap: anywhere; }
h3 { font-size: .95rem; font-weight: 600; margin: 0 0 .1rem; overflow-wrap: anywhere; }
p, ul, dl.words { max-width: 46rem; overflow-wrap: anywhere; }
p { color: var(--ink-soft); margin: 0 0 1rem; }
ul.findings { margin: 1.25rem 0; padding: 0; list-style: none; }
ul.findings li { margin: 0 0 .5rem; padding-left: .9rem; border-left: 3px solid var(--accent); }
ul.findings li.caution { border-left-color: var(--fault); }
ul.notes { margin: 0 0 1rem; padding-left: 1.2rem; color: var(--ink-soft); }
dl.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(8rem, 1fr)); gap: 1rem 1.25rem; margin: 1.75rem 0; padding: 1rem 0; border-block: 1px solid var(--rule); }
dl.facts dt { font-size: .8rem; color: var(--ink-soft); }
dl.facts dd { margin: 0; font-size: 1.15rem; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
dl.facts dd small { display: block; font-size: .8rem; color: var(--ink-soft); }
dl.words dt { font-weight: 600; }
dl.words dd { margin: 0 0 .6rem; color: var(--ink-soft); }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.scroll { overflow-x: auto; position: relative; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--ink-soft); font-size: .85rem; padding-bottom: .35rem; overflow-wrap: anywhere; }
th, td { padding: .38rem .75rem .38rem 0; text-align: left; border-bottom: 1px solid var(--rule); font-weight: 400; vertical-align: baseline; }
thead th { color: var(--ink-soft); font-size: .8rem; vertical-align: bottom; }
tbody th:not(.number) { min-width: 6rem; overflow-wrap: anywhere; }
td:not(.number), th:not(.number) { padding-right: 1.25rem; overflow-wrap: anywhere; }
.number + :not(.number) { padding-left: 1.25rem; }
.number { text-align: right; white-space: nowrap; min-width: 0; padding-left: .5rem; }
.summary th, .summary td { font-weight: 600; border-bottom: 0; }
.marked th, .marked td { font-weight: 600; color: var(--accent); }
figure { margin: 0; }
figure svg { display: block; width: 100%; height: auto; }
figure .narrow { display: none; }
figure .narrow svg { max-width: 26rem; }
figcaption { color: var(--ink-soft); font-size: .9rem; margin: .35rem 0 .5rem; max-width: 46rem; overflow-wrap: anywhere; }
.panels { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 17rem), 1fr)); gap: 1.4rem 1.75rem; margin: .9rem 0; align-items: start; }
.panel { min-width: 0; }
.panel p { margin: 0 0 .25rem; font-size: .85rem; }
table.bars { font-size: .85rem; table-layout: fixed; }
table.bars caption { color: var(--ink); font-size: .95rem; font-weight: 600; padding: 0 0 .2rem; }
table.bars.single { max-width: 46rem; }
table.bars col:first-child { width: 36%; }
table.bars.single col:first-child { width: 26%; }
table.bars caption small { font-weight: 400; font-size: .85rem; color: var(--ink-soft); }
table.bars th, table.bars td { border: 0; padding: .12rem 0; vertical-align: middle; line-height: 1.25; }
table.bars tbody th { min-width: 0; padding-right: .6rem; }
table.bars td { padding-right: 0; }
table.bars .chief th, table.bars .chief td { font-weight: 600; }
.bar { display: flex; align-items: center; gap: .5rem; }
.track { position: relative; flex: 1; min-width: 2rem; height: .8rem; background: var(--shade); }
.fill { position: absolute; inset: 0 auto 0 0; border-radius: 0 2px 2px 0; background: var(--color, var(--series-0)); }
.whisker { position: absolute; top: 50%; height: 2px; margin-top: -1px; background: var(--ink); box-shadow: 0 0 0 1px var(--paper); }
.value { min-width: 3.6em; text-align: right; white-space: nowrap; }
.long .value { min-width: 10.5em; }
ul.legend { list-style: none; display: flex; flex-wrap: wrap; gap: .15rem 1.1rem; margin: .4rem 0 .5rem; padding: 0; font-size: .85rem; color: var(--ink-soft); max-width: none; }
ul.legend li { display: flex; align-items: center; gap: .4rem; }
ul.legend svg { width: 1.1rem; height: 1rem; flex: none; }
details { margin: .5rem 0; }
summary { cursor: pointer; font-size: .85rem; color: var(--ink-soft); width: fit-content; padding: .2rem 0; }
details[open] > summary { margin-bottom: .5rem; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
pre { background: var(--shade); padding: 1rem; margin: 0; overflow-x: auto; font: .82rem/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; border-radius: 4px; }
code { font: .9em ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
footer { margin-top: 3rem; color: var(--ink-soft); font-size: .85rem; overflow-wrap: anywhere; }
@media (max-width: 48rem) {
  figure .wide { display: none; }
  figure .narrow { display: block; }
}
@media (max-width: 40rem) {
  main { padding: 1.5rem 1rem 3rem; }
  h1 { font-size: 1.4rem; }
  .long .bar { flex-wrap: wrap; gap: 0; }
  .long .track { flex: 1 0 100%; }
  .long .value { flex: 1 0 100%; white-space: normal; min-width: 0; }
  .stack thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .stack, .stack caption, .stack tbody, .stack tr, .stack th, .stack td { display: block; }
  .stack tr { padding: .5rem 0; border-bottom: 1px solid var(--rule); }
  .stack tbody th, .stack.stack tbody tr td { border: 0; padding: .08rem 0; text-align: left; }
  .stack tbody th { font-weight: 600; }
  .stack tbody tr td { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 1rem; white-space: normal; }
  .stack tbody td::before { content: attr(data-label); color: var(--ink-soft); }
  .stack tbody td > span { overflow-wrap: anywhere; min-width: 0; }
}
@media print { details > :not(summary) { display: none; } }
`;
