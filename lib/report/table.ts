import stringWidth from 'string-width';
import { percentage } from './format.js';

/** A column of a table for terminals. */
export interface TableColumn {
  /** The key under which rows hold the column's values. */
  key: string;
  /** The heading. Default: the key. */
  label?: string;
  /** The default is right where the column's first value that is there is a number, and left otherwise. */
  align?: 'left' | 'right';
  /** The text that is shown for a value. Default: `String`. */
  format?: (value: number | string) => string;
}

/** A column of fractions, shown in percent; the unit is left to a heading. */
export function percentColumn(key: string): TableColumn {
  return { key, align: 'right', format: (value) => (typeof value === 'number' ? percentage(value) : value) };
}

/** Values by the columns' keys. */
export type TableRow = Readonly<Record<string, number | string | undefined>>;

/**
 * A table for terminals: aligned columns and a rule under the headings, without trailing spaces and without a newline at the end.
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
