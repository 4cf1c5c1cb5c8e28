import { type MouseEvent, useMemo, useState } from 'react';
import type { Row } from '../api/types';
import { type Drill, drillOf, type LinesBehind } from '../query/drill';
import { safeText } from '../text/safe';
import { displayInstant, parseInstant, type Zone } from '../time/instant';
import { count, valueText } from '../ui/format';
import type { Pages } from './pages';
import { nextSort, type Sort, sorted } from './rowSort';
import type { Run } from './run';
import { SeriesChart } from './SeriesChart';

/** More rows than this are not laid out; the query can sort and `head`. */
const SHOWN_ROWS = 1_000;

interface Props {
  run: Run;
  pages: Pages;
  total: number;
  zone: Zone;
  /** The address of these lines. */
  hrefOf(lines: LinesBehind): string;
  onLines(lines: LinesBehind): void;
}

/** Rows of an aggregating query, with their columns in the order they came; a column's head sorts what is shown, and
 * what a row is grouped by leads to the lines it was made of. */
export function ResultTable({ run, pages, total, zone, hrefOf, onLines }: Props) {
  const rows: Row[] = [];
  for (let rank = 0; rank < Math.min(total, SHOWN_ROWS); rank++) {
    const row = pages.at(rank);
    if (row) rows.push(row);
  }
  const [sort, setSort] = useState<Sort | null>(null);
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  // biome-ignore lint/correctness/useExhaustiveDependencies: the rows are of `pages`, in a new array each time
  const drill = useMemo(() => drillOf(run.q, run.range, rows), [run, pages, rows.length]);
  return (
    <section className="result-table" tabIndex={0} aria-label="Result">
      <SeriesChart rows={rows} zone={zone} drill={drill} onLines={onLines} />
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
              <Cells row={row} columns={columns} zone={zone} drill={drill} hrefOf={hrefOf} onLines={onLines} />
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

interface CellsProps extends Pick<Props, 'zone' | 'hrefOf' | 'onLines'> {
  row: Row;
  columns: string[];
  drill: Drill | null;
}

/** Each cell of a key leads to the lines; the keyboard stops at the first of them only. */
function Cells({ row, columns, zone, drill, hrefOf, onLines }: CellsProps) {
  const lines = drill?.behind(row) ?? null;
  const keys = columns.filter((column) => drill?.columns.includes(column));
  const name = `${keys.map((column) => keyText(row[column], zone)).join(', ')}: show the lines`;
  const onClick = (event: MouseEvent) => {
    if (!lines || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    onLines(lines);
  };
  return columns.map((column) => (
    <td key={column} className={/^(number|bigint)$/.test(typeof row[column]) ? 'number' : ''}>
      {lines && keys.includes(column) ? (
        <a
          className="row-link"
          href={hrefOf(lines)}
          onClick={onClick}
          tabIndex={column === keys[0] ? undefined : -1}
          aria-label={name}
          title="Show the lines behind this row"
        >
          {keyText(row[column], zone)}
        </a>
      ) : (
        cellText(row[column], zone)
      )}
    </td>
  ));
}

function keyText(value: unknown, zone: Zone): string {
  if (value === undefined || value === null) return '(none)';
  return cellText(value, zone).trim() || '(empty)';
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
