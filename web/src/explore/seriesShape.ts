/** Rows of an aggregate over time as lines of a chart: pure, so that it can be tested without a screen. */

import type { Row } from '../api/types';
import { LEVELS } from '../levels';
import { parseInstant } from '../time/instant';
import { valueText } from '../ui/format';

/** More lines than this cannot be told apart; those with the largest values are drawn. */
export const MOST_SERIES = 8;

export interface Series {
  name: string;
  /** One value a time, null where no row has one. */
  values: (number | null)[];
  /** The row of each value. */
  rows: (Row | null)[];
}

export interface SeriesSet {
  /** Milliseconds since 1970, rising. */
  times: number[];
  series: Series[];
  /** Series that are not drawn. */
  leftOut: number;
  /** Whether the series are levels, which have colours of their own. */
  levels: boolean;
}

/** The lines that rows with a `timestamp`, numbers and names make; null where there is nothing to draw over time.
 * `keys`: columns that name a line even where they hold numbers. */
export function seriesOf(rows: readonly Row[], keys: readonly string[] = []): SeriesSet | null {
  const stamps = rows.map(({ timestamp }) => (typeof timestamp === 'string' ? parseInstant(timestamp) : null));
  if (rows.length === 0 || stamps.some((stamp) => stamp === null)) return null;
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))].filter((column) => column !== 'timestamp');
  const numbers = columns.filter(
    (column) =>
      !keys.includes(column) && rows.every((row) => ['number', 'bigint', 'undefined'].includes(typeof row[column])),
  );
  const names = columns.filter((column) => !numbers.includes(column));
  const at = stamps.map((stamp) => Number((stamp as bigint) / 1_000_000n));
  const times = [...new Set(at)].sort((a, b) => a - b);
  if (numbers.length === 0 || times.length < 2) return null;

  const places = new Map(times.map((time, place) => [time, place]));
  const found = new Map<string, Omit<Series, 'name'>>();
  rows.forEach((row, i) => {
    const group = names.map((name) => valueText(row[name] ?? '(none)')).join(' · ');
    for (const number of numbers) {
      const name = [group, numbers.length > 1 || !group ? number : ''].filter(Boolean).join(' · ');
      const line = found.get(name) ?? { values: times.map(() => null), rows: times.map(() => null) };
      found.set(name, line);
      const value = row[number];
      const place = places.get(at[i] as number) as number;
      if (typeof value !== 'number' && typeof value !== 'bigint') continue;
      line.values[place] = Number(value);
      line.rows[place] = row;
    }
  });
  const all = [...found].map(([name, line]) => ({ name, ...line }));
  const size = ({ values }: Series) => values.reduce((sum: number, value) => sum + Math.abs(value ?? 0), 0);
  const series = all.sort((a, b) => size(b) - size(a)).slice(0, MOST_SERIES);
  const levels = names.length === 1 && series.every(({ name }) => (LEVELS as readonly string[]).includes(name));
  return { times, series, leftOut: all.length - series.length, levels };
}

/** The line whose value at a place lies nearest to a height on the screen, if one lies within `reach` of it. */
export function nearestSeries(
  series: readonly Series[],
  place: number,
  height: number,
  y: (value: number) => number,
  reach: number,
): Series | null {
  let best: Series | null = null;
  let distance = reach;
  for (const line of series) {
    const value = line.values[place] ?? null;
    if (value === null || Math.abs(y(value) - height) > distance) continue;
    best = line;
    distance = Math.abs(y(value) - height);
  }
  return best;
}

/** Least and largest value, with 0 between or at an end. */
export function boundsOf(series: readonly Series[]): [number, number] {
  let [least, most] = [0, 0];
  for (const { values } of series)
    for (const value of values) {
      if (value === null) continue;
      if (value < least) least = value;
      if (value > most) most = value;
    }
  return [least, most];
}

/** An SVG path through the values that are there; it breaks where one is not, and a value alone is a dot. */
export function pathOf(values: readonly (number | null)[], x: (place: number) => number, y: (value: number) => number) {
  let path = '';
  values.forEach((value, place) => {
    if (value === null) return;
    const alone = (values[place - 1] ?? null) === null;
    const last = (values[place + 1] ?? null) === null;
    path += `${alone ? 'M' : 'L'}${round(x(place))} ${round(y(value))}${alone && last ? 'h0' : ''}`;
  });
  return path;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
