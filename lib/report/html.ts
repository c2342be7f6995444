/** Text that is HTML already, as opposed to text that is escaped where it is put into HTML. */
export class Html {
  constructor(readonly text: string) {}
}

type Part = Html | string | number | undefined | readonly Part[];

/** A template for HTML. What is put in is escaped unless it is `Html` itself; lists are joined, and undefined leaves nothing. */
export function html(strings: TemplateStringsArray, ...parts: Part[]): Html {
  return new Html(strings.map((string, index) => string + (index < parts.length ? render(parts[index]) : '')).join(''));
}

/** The text with no line broken between a number and its unit. */
export function unbroken(text: string): string {
  return text.replace(
    /(?<=\d) (?=%|(?:s|min|h)\b)|(?<=\d (?:min|h)) (?=\d)|(?<=\bp) (?=[=<])|(?<=\bp [=<]) (?=\d)/g,
    '\u00a0',
  );
}

/** The text with places in its paths at which a line may end. */
export function breakable(text: string): Html {
  return html`${text.split(/(?<=\/)/).map((part, index) => html`${index > 0 ? new Html('<wbr>') : undefined}${part}`)}`;
}

/** The text with the characters that mean something in HTML as references. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

function render(part: Part): string {
  if (part === undefined) return '';
  if (part instanceof Html) return part.text;
  if (typeof part === 'string' || typeof part === 'number') return escapeHtml(String(part));
  return part.map(render).join('');
}

/** A table of the report, as text. */
export interface DataTable {
  caption: string;
  columns: readonly string[];
  /** The first cell of a row is its heading; numbers are written out, ready to show. */
  rows: readonly (readonly string[])[];
  /** Indices of the columns that hold words and are set left; the others hold numbers and are set right. Default: the first. */
  words?: readonly number[];
  /** True where the last row sums up those above it. */
  summary?: boolean;
  /** Index of the row to look at first. */
  marked?: number;
  /** True for a table whose rows become lists in a narrow window, where it would not fit. The others scroll. */
  stacked?: boolean;
}

/** The table in a box that scrolls sideways by itself, so that the page never does. */
export function renderDataTable(table: DataTable): Html {
  const { caption, columns, rows, words = [0], summary = false, marked, stacked = false } = table;
  // A table that is shown as a list would lose its meaning for screen readers without roles.
  const role = (name: string) => (stacked ? html` role="${name}"` : undefined);
  const kind = (column: number) => new Html(words.includes(column) ? '' : ' class="number"');
  const body = rows.map((row, index) => {
    const ofRow = summary && index === rows.length - 1 ? 'summary' : index === marked ? 'marked' : '';
    const cells = row.map((cell, column) => {
      const text = words.includes(column) ? breakable(cell) : unbroken(cell);
      if (column === 0) return html`<th scope="row"${role('rowheader')}${kind(column)}>${text}</th>`;
      return stacked
        ? html`<td${role('cell')}${kind(column)} data-label="${columns[column]}"><span>${text}</span></td>`
        : html`<td${kind(column)}>${text}</td>`;
    });
    return html`<tr${role('row')}${ofRow === '' ? undefined : html` class="${ofRow}"`}>${cells}</tr>\n`;
  });
  const heads = columns.map(
    (column, index) => html`<th scope="col"${role('columnheader')}${kind(index)}>${column}</th>`,
  );
  return html`<div class="scroll" role="region" aria-label="${caption}" tabindex="0"><table${role('table')}${stacked ? html` class="stack"` : undefined}>
<caption>${caption}</caption>
<thead${role('rowgroup')}><tr${role('row')}>${heads}</tr></thead>
<tbody${role('rowgroup')}>
${body}</tbody></table></div>`;
}
