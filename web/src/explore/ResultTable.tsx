import { useState } from 'react';
import type { Row } from '../api/types';
import { safeText } from '../text/safe';
import { displayInstant, parseInstant, type Zone } from '../time/instant';
import { count, valueText } from '../ui/format';
import type { Pages } from './pages';
import { nextSort, type Sort, sorted } from './rowSort';
import { SeriesChart } from './SeriesChart';

/** More rows than this are not laid out; the query can sort and `head`. */
const SHOWN_ROWS = 1_000;

/** Rows of an aggregating query, with their columns in the order they came; a column's head sorts what is shown. */
export function ResultTable({ pages, total, zone }: { pages: Pages; total: number; zone: Zone }) {
  const rows: Row[] = [];
  for (let rank = 0; rank < Math.min(total, SHOWN_ROWS); rank++) {
    const row = pages.at(rank);
    if (row) rows.push(row);
  }
  const [sort, setSort] = useState<Sort | null>(null);
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  return (
    <section className="result-table" tabIndex={0} aria-label="Result">
      <SeriesChart rows={rows} zone={zone} />
      <table>
        <thead>
          <tr>
            {columns.map((column) => (
              <th
                key={column}
                scope="col"
                className={rows.some((row) => typeof row[column] === 'number') ? 'number' : ''}
                aria-sort={sort?.column === column ? (sort.descending ? 'descending' : 'ascending') : undefined}
              >
                <button type="button" className="sort-button" onClick={() => setSort(nextSort(sort, column, rows))}>
                  {safeText(column)}
                  <span aria-hidden="true">{sort?.column === column ? (sort.descending ? ' ↓' : ' ↑') : ''}</span>
                </button>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {sorted(rows, sort).map((row, i) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: aggregates have no name of their own
            <tr key={i}>
              {columns.map((column) => (
                <td key={column} className={/^(number|bigint)$/.test(typeof row[column]) ? 'number' : ''}>
                  {cellText(row[column], zone)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {total > SHOWN_ROWS && (
        <p className="muted">
          The first {count(SHOWN_ROWS)} of {count(total)} rows. Add <code>| sort … | head</code> to choose.
        </p>
      )}
    </section>
  );
}

function cellText(value: unknown, zone: Zone): string {
  if (typeof value === 'bigint') return count(value);
  if (typeof value === 'number') return Number.isInteger(value) ? count(value) : String(Math.round(value * 1e4) / 1e4);
  if (typeof value === 'string' && /^\d{4}-\d{2}-\d{2}T/.test(value)) {
    const instant = parseInstant(value);
    if (instant !== null) return displayInstant(instant, zone, instant % 1_000_000_000n === 0n ? 0 : 3);
  }
  return safeText(valueText(value).slice(0, 500));
}
