/** The style sheet of the report. Its colours have a value for light and one for dark; drawings use them by the same names. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --paper: #fbfaf8; --ink: #22252a; --ink-soft: #5b616b; --rule: #dfdcd6; --shade: #f2f0ec; --point: #a3a8b0;
  --series-0: #2463a8; --series-1: #8b9099; --series-2: #3f8f5b; --series-3: #c9822b; --series-4: #8c5aa8;
  --series-5: #bb4b4b; --series-6: #3b97a3; --series-7: #a08a1c; --series-8: #c56b98; --series-9: #5f6f3a;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #17191d; --ink: #e4e3df; --ink-soft: #a5a9b1; --rule: #34383f; --shade: #1f2227; --point: #767c86;
    --series-0: #6ba7ea; --series-1: #7f858f; --series-2: #6cc088; --series-3: #e2a65a; --series-4: #b98ad4;
    --series-5: #e27d7a; --series-6: #6fc3cd; --series-7: #cdb955; --series-8: #e39abd; --series-9: #a3b66f;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
main { max-width: 58rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
h1 { font-size: 1.7rem; line-height: 1.25; font-weight: 600; margin: 0 0 .25rem; letter-spacing: -.01em; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; font-weight: 600; margin: 2.75rem 0 .5rem; }
p, .note { color: var(--ink-soft); margin: 0 0 1rem; max-width: 44rem; }
dl.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(8rem, 1fr)); gap: 1rem 1.25rem; margin: 1.75rem 0; padding: 1rem 0; border-block: 1px solid var(--rule); }
dl.facts dt { font-size: .8rem; color: var(--ink-soft); }
dl.facts dd { margin: 0; font-size: 1.15rem; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--ink-soft); font-size: .85rem; padding-bottom: .35rem; }
th, td { padding: .38rem .75rem .38rem 0; text-align: left; border-bottom: 1px solid var(--rule); font-weight: 400; vertical-align: baseline; }
thead th { color: var(--ink-soft); font-size: .8rem; vertical-align: bottom; }
tbody th:not(.number) { min-width: 6rem; }
td:not(.number), th:not(.number) { padding-right: 1.25rem; }
.number + :not(.number) { padding-left: 1.25rem; }
.number { text-align: right; white-space: nowrap; min-width: 0; padding-left: .5rem; }
.summary th, .summary td { font-weight: 600; border-bottom: 0; }
figure { margin: 0; }
figure svg { display: block; width: 100%; height: auto; }
figure .narrow { display: none; }
figure .narrow svg { max-width: 30rem; }
figcaption { color: var(--ink-soft); font-size: .9rem; margin: .25rem 0 .5rem; max-width: 44rem; }
ul.legend { list-style: none; display: flex; flex-wrap: wrap; gap: .15rem 1.1rem; margin: 0 0 .5rem; padding: 0; font-size: .85rem; color: var(--ink-soft); }
ul.legend li { overflow-wrap: anywhere; }
ul.legend span { display: inline-block; width: .7rem; height: .7rem; border-radius: 2px; margin-right: .4rem; }
details { margin: .5rem 0; }
summary { cursor: pointer; font-size: .85rem; color: var(--ink-soft); width: fit-content; }
details[open] > summary { margin-bottom: .5rem; }
:focus-visible { outline: 2px solid var(--series-0); outline-offset: 2px; }
pre { background: var(--shade); padding: 1rem; margin: 0; overflow-x: auto; font: .82rem/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; border-radius: 4px; }
footer { margin-top: 3rem; color: var(--ink-soft); font-size: .85rem; }
@media (max-width: 40rem) {
  main { padding: 1.5rem 1rem 3rem; }
  h1 { font-size: 1.4rem; }
  .number { white-space: normal; overflow-wrap: normal; }
  figure .wide { display: none; }
  figure .narrow { display: block; }
}
@media print { details > :not(summary) { display: none; } }
`;
