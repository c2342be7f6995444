/** Text that is HTML already; everything else is escaped where it is put in. */
export class Html {
  constructor(readonly text: string) {}
}

type Part = Html | string | number | undefined | readonly Part[];

/** Template for HTML: what is interpolated is escaped unless it is `Html` itself; lists are joined, undefined is nothing. */
export function html(strings: TemplateStringsArray, ...parts: Part[]): Html {
  return new Html(strings.map((string, index) => string + (index < parts.length ? render(parts[index]) : '')).join(''));
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

function render(part: Part): string {
  if (part === undefined) return '';
  if (part instanceof Html) return part.text;
  if (typeof part === 'string' || typeof part === 'number') return escapeHtml(String(part));
  return part.map(render).join('');
}

/** A table in a box that scrolls sideways by itself, so that the page never does. */
export interface DataTable {
  caption: string;
  columns: readonly string[];
  /** The first cell of a row is its heading; numbers come as text, ready to show. */
  rows: readonly (readonly string[])[];
  /** Columns of words, set left; the others are numbers, set right. */
  words?: readonly number[];
  /** Last row is a summary of those above. */
  summary?: boolean;
}

export function renderDataTable({ caption, columns, rows, words = [0], summary = false }: DataTable): Html {
  const kind = (column: number) => new Html(words.includes(column) ? '' : ' class="number"');
  const body = rows.map((row, index) => {
    const rowClass = new Html(summary && index === rows.length - 1 ? ' class="summary"' : '');
    const cells = row.map((cell, column) =>
      column === 0 ? html`<th scope="row"${kind(column)}>${cell}</th>` : html`<td${kind(column)}>${cell}</td>`,
    );
    return html`<tr${rowClass}>${cells}</tr>\n`;
  });
  const heads = columns.map((column, index) => html`<th scope="col"${kind(index)}>${column}</th>`);
  return html`<div class="scroll" role="region" aria-label="${caption}" tabindex="0"><table>
<caption>${caption}</caption>
<thead><tr>${heads}</tr></thead>
<tbody>
${body}</tbody></table></div>`;
}
