/** The lines around one line, oldest first. */

import { histogram, search } from '../api/client';
import { isLine, type Line, type Row } from '../api/types';
import { formatInstant, HOUR_NS, parseInstant } from '../time/instant';

const LINES_EACH_SIDE = 12;

/** Up to 12 lines of `q` on each side, within an hour. The line itself is always among them. */
export async function loadContext(q: string, line: Line, signal?: AbortSignal): Promise<Row[]> {
  const time = parseInstant(line.timestamp);
  if (time === null) return [line];
  const range = { from: formatInstant(time - HOUR_NS), to: formatInstant(time + HOUR_NS) };
  // Rank of the line among its neighbours: how many of them are newer.
  const newer = await histogram({ q, from: formatInstant(time + 1n), to: range.to, buckets: 1 }, signal);
  const first = Math.max(0, newer.total - LINES_EACH_SIDE);
  const answer = await search({ q, ...range, rank: first, limit: 2 * LINES_EACH_SIDE + 1 }, signal);
  const rows = answer.data.filter(isLine);
  if (!rows.some((row) => row.id === line.id)) rows.splice(Math.min(rows.length, newer.total - first), 0, line);
  return rows.reverse();
}
