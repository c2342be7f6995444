import stringWidth from 'string-width';

/** A column of a text table. */
export interface TableColumn {
  /** Key of the rows' values. */
  key: string;
  /** Heading; the key unless given. */
  label?: string;
  /** Numbers go right, words left; by default as the column's first value that is there. */
  align?: 'left' | 'right';
  /** Text of a value; by default `String`. */
  format?: (value: number | string) => string;
}

export type TableRow = Readonly<Record<string, number | string | undefined>>;

/**
 * A table for terminals: aligned columns, a rule under the headings, no trailing spaces, no newline at the end.
 * Absent values show as `-`. Control characters are dropped, so that no name can steer the terminal.
 */
export function renderTable(rows: readonly TableRow[], columns: readonly (string | TableColumn)[]): string {
  const full = columns.map((column) => (typeof column === 'string' ? { key: column } : column));
  const texts = full.map(({ key, label, format = String }) =>
    [label ?? key, ...rows.map((row) => textOf(row[key], format))].map(printable),
  );
  const widths = texts.map((column) => Math.max(...column.map((text) => stringWidth(text))));
  const rightward = full.map(
    ({ key, align }) => (align ?? (typeof firstValue(rows, key) === 'number' ? 'right' : 'left')) === 'right',
  );
  const line = (cells: readonly string[]) => cells.join('  ').trimEnd();
  const lineAt = (index: number) => line(texts.map((column, at) => pad(column[index], widths[at], rightward[at])));
  const rule = line(widths.map((width) => '─'.repeat(width)));
  return [lineAt(0), rule, ...rows.map((_, index) => lineAt(index + 1))].join('\n');
}

function textOf(value: number | string | undefined, format: (value: number | string) => string): string {
  return value === undefined ? '-' : format(value);
}

function firstValue(rows: readonly TableRow[], key: string): number | string | undefined {
  return rows.find((row) => row[key] !== undefined)?.[key];
}

function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, '');
}

function pad(text: string, width: number, right: boolean): string {
  const space = ' '.repeat(width - stringWidth(text));
  return right ? space + text : text + space;
}
