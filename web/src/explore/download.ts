/** A result as a file: its rows, gathered page by page, as CSV or as lines of JSON. */

import { search } from '../api/client';
import { exactText } from '../api/exactJson';
import type { QueryParams, Row } from '../api/types';
import { valueText } from '../ui/format';

export type FileForm = 'csv' | 'ndjson';

/** Rows in a file at most: some 50 MB of them, held in memory while they are gathered. */
export const FILE_ROWS = 50_000;

const PAGE_ROWS = 5_000;

/** Cells that begin so are run as formulas by spreadsheets; a quote before them makes them text. */
const FORMULA = /^[=+\-@\t\r]/;

/** Rows from the first on, `FILE_ROWS` at most, and whether there are more. */
export async function gather(
  params: QueryParams,
  onProgress: (rows: number) => void,
  signal: AbortSignal,
): Promise<{ rows: Row[]; more: boolean }> {
  const rows: Row[] = [];
  let cursor: string | undefined;
  do {
    const answer = await search({ ...params, limit: PAGE_ROWS, ...(cursor && { cursor }) }, signal);
    for (const row of answer.data) rows.push(row);
    cursor = answer.next ?? undefined;
    onProgress(rows.length);
  } while (cursor && rows.length < FILE_ROWS);
  return { rows, more: cursor !== undefined };
}

export function fileText(rows: Row[], form: FileForm): string {
  return form === 'csv' ? csvText(rows) : rows.map((row) => `${exactText(row)}\n`).join('');
}

/** One column for each field that some row has, in the order in which they come. */
export function csvText(rows: Row[]): string {
  const columns = new Set<string>();
  for (const row of rows) for (const column in row) columns.add(column);
  const names = [...columns];
  const lines = rows.map((row) => names.map((name) => cell(row[name])).join(','));
  return `${[names.map(cell).join(','), ...lines].join('\r\n')}\r\n`;
}

function cell(value: unknown): string {
  const text = valueText(value);
  const guarded = typeof value === 'string' && FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(guarded) ? `"${guarded.replaceAll('"', '""')}"` : guarded;
}

/** Gives the browser a file to save. */
export function save(text: string, name: string, type: string): void {
  const address = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
