/**
 * Requests made of rows. A template is JSON in which `{{column}}` stands for a cell of the row: within a longer text as text, and where it is
 * all of a text with the type that the row has. Cells of CSV are texts; `{{column:json}}` reads one as JSON, for numbers and lists.
 */
import { isObject } from '../../core/json.ts';
import { nearest } from '../../core/nearest.ts';

export type Row = Readonly<Record<string, unknown>>;

export interface Template {
  /** Every column that it names. */
  readonly columns: ReadonlySet<string>;
  /** Throws `RowError`. */
  fill(row: Row): unknown;
}

/** What is wrong with one row; the others may be right. */
export class RowError extends Error {}

const place = /\{\{\s*([^{}]+?)\s*\}\}/g;
const wholePlace = /^\{\{\s*([^{}]+?)\s*\}\}$/;

export function readTemplate(value: unknown): Template {
  const columns = new Set<string>();
  const note = (text: string): void => {
    for (const [, name = ''] of text.matchAll(place)) columns.add(columnOf(name).column);
  };
  walk(value, note);
  return { columns, fill: (row) => fill(value, row) };
}

function walk(value: unknown, note: (text: string) => void): void {
  if (typeof value === 'string') note(value);
  else if (Array.isArray(value)) for (const one of value) walk(one, note);
  else if (isObject(value)) for (const one of Object.values(value)) walk(one, note);
}

function fill(value: unknown, row: Row): unknown {
  if (typeof value === 'string') return fillText(value, row);
  if (Array.isArray(value)) return value.map((one) => fill(one, row));
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, fill(one, row)]));
}

function fillText(text: string, row: Row): unknown {
  const whole = wholePlace.exec(text)?.[1];
  if (whole !== undefined) return cell(whole, row);
  return text.replace(place, (_, name: string) => {
    const value = cell(name, row);
    return typeof value === 'string' ? value : value === null ? '' : JSON.stringify(value);
  });
}

function columnOf(name: string): { readonly column: string; readonly isJson: boolean } {
  const match = /^(.*\S)\s*:\s*json$/.exec(name);
  return { column: match?.[1] ?? name, isJson: match !== null };
}

function cell(name: string, row: Row): unknown {
  const { column, isJson } = columnOf(name);
  if (!Object.hasOwn(row, column)) throw new RowError(missingColumn(column, Object.keys(row)));
  const value = row[column];
  if (!isJson || typeof value !== 'string') return value;
  try {
    return JSON.parse(value) as unknown;
  } catch {
    throw new RowError(`the cell of "${column}" is not JSON`);
  }
}

export function missingColumn(column: string, columns: readonly string[]): string {
  const meant = nearest(column, columns);
  const known = columns.slice(0, 20).join(', ');
  return `there is no column "${column}"; ${meant === undefined ? `there are: ${known}` : `did you mean "${meant}"?`}`;
}
