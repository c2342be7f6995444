import { Html, html } from './html.js';
import { STYLE } from './style.js';

/** What a page shows. */
export interface Page {
  title: string;
  body: readonly (Html | undefined)[];
  footer?: string;
}

/** One HTML file that needs nothing else: it has no script and refers to no network, and the same content gives the same bytes. */
export function renderPage({ title, body, footer }: Page): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${title}</title>
<style>${new Html(STYLE)}</style>
</head>
<body>
<main>
<h1>${title}</h1>
${body.flatMap((part) => (part === undefined ? [] : [part, new Html('\n')]))}${footer === undefined ? undefined : html`<footer>${footer}</footer>\n`}</main>
</body>
</html>
`.text;
}

/** A part of a page under a heading, to which links may go by `#id`. */
export interface Section {
  id: string;
  title: string;
  body: readonly (Html | undefined)[];
}

export function section({ id, title, body }: Section): Html {
  const parts = body.flatMap((part) => (part === undefined ? [] : [part, new Html('\n')]));
  return html`<section aria-labelledby="${id}">
<h2 id="${id}">${title}</h2>
${parts}</section>`;
}

/** What can be unfolded. */
export function unfolded(summary: string, body: Html): Html {
  return html`<details><summary>${summary}</summary>
${body}
</details>`;
}

/** Words of the page and what they mean, for those who meet them for the first time. */
export function glossary(words: readonly (readonly [word: string, meaning: string])[]): Html {
  return section({
    id: 'words',
    title: 'What the words mean',
    body: [html`<dl class="words">${words.map(([word, meaning]) => html`<dt>${word}</dt><dd>${meaning}</dd>\n`)}</dl>`],
  });
}
