/** Rows of a table in the order of one of their columns. */

import type { Row } from '../api/types';
import { valueText } from '../ui/format';

export interface Sort {
  column: string;
  descending: boolean;
}

/** What a press on a column's head does: numbers from the largest, text from its beginning, then the other way, then
 * the order in which the rows came. */
export function nextSort(sort: Sort | null, column: string, rows: Row[]): Sort | null {
  const first = rows.some((row) => typeof row[column] === 'number');
  if (sort?.column !== column) return { column, descending: first };
  return sort.descending === first ? { column, descending: !first } : null;
}

/** Absent values come last either way; rows that are equal stay as they came. */
export function sorted(rows: Row[], sort: Sort | null): Row[] {
  if (!sort) return rows;
  const { column, descending } = sort;
  return [...rows].sort((a, b) => {
    const [one, other] = [a[column] ?? null, b[column] ?? null];
    if (one === null || other === null) return Number(one === null) - Number(other === null);
    return (descending ? -1 : 1) * compared(one, other);
  });
}

function isNumber(value: unknown): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint';
}

function compared(one: unknown, other: unknown): number {
  if (isNumber(one) && isNumber(other)) return one < other ? -1 : Number(one > other);
  return valueText(one).localeCompare(valueText(other), 'en', { numeric: true });
}
