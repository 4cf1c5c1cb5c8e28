/** Finds places in the whole result, however far away: the next error, a time, a line a link names. */

import { histogram, search } from '../api/client';
import { isLine, type Line } from '../api/types';
import { narrowed } from '../query/edit';
import { formatInstant, parseInstant } from '../time/instant';
import type { Run } from './run';

/** Rows looked through around a place for lines of the very same nanosecond. */
const TIES = 50;

export interface Found {
  rank: number;
  line: Line;
}

/** Lines of `q` in the run's range that are newer than `after`. */
async function countNewer(run: Run, q: string, after: bigint): Promise<number> {
  const answer = await histogram({ q, from: formatInstant(after + 1n), to: run.lineParams.to, buckets: 1 });
  return answer.total;
}

async function linesAt(run: Run, q: string, rank: number): Promise<Line[]> {
  const answer = await search({ ...run.lineParams, q, rank, limit: TIES });
  return answer.data.filter(isLine);
}

/** Rank of the first line at or before an instant. */
export async function rankOfTime(run: Run, instant: bigint): Promise<number> {
  return countNewer(run, run.lineParams.q, instant);
}

/** Rank of a line in the result, found by its time and then by its id; null when it is not in the result. */
export async function rankOfLine(run: Run, id: string, time: bigint): Promise<Found | null> {
  const newer = await countNewer(run, run.lineParams.q, time);
  const lines = await linesAt(run, run.lineParams.q, newer);
  const place = lines.findIndex((line) => line.id === id);
  const line = lines[place];
  return line ? { rank: newer + place, line } : null;
}

/** A record's id begins with its time: 48 bits of milliseconds (UUIDv7). The last ns of that millisecond. */
export function endOfIdTime(id: string): bigint | null {
  const digits = id.replaceAll('-', '').slice(0, 12);
  if (!/^[0-9a-f]{12}$/i.test(digits)) return null;
  return (BigInt(`0x${digits}`) + 1n) * 1_000_000n - 1n;
}

/** Next (`older`) or previous (`newer`) line that also matches `clause`, counted from `from`; null = there is none. */
export async function nextMatch(
  run: Run,
  clause: string,
  from: Line | null,
  direction: 'older' | 'newer',
): Promise<Found | null> {
  const q = narrowed(run.q, clause);
  const target = from ? await neighbour(run, q, from, direction) : (await linesAt(run, q, 0))[0];
  const time = target && parseInstant(target.timestamp);
  return target && time != null ? rankOfLine(run, target.id, time) : null;
}

async function neighbour(run: Run, q: string, from: Line, direction: 'older' | 'newer'): Promise<Line | undefined> {
  const time = parseInstant(from.timestamp);
  if (time === null) return undefined;
  const newer = await countNewer(run, q, time);
  const start = Math.max(0, newer - 1);
  const lines = await linesAt(run, q, start);
  // Lines of the same instant keep the order of the list itself.
  const tied = lines.findIndex((line) => line.id === from.id);
  if (direction === 'newer') {
    if (tied > 0) return lines[tied - 1];
    return tied === 0 || newer === 0 ? undefined : lines[0];
  }
  if (tied >= 0) return lines[tied + 1];
  return lines.find((line) => isBefore(line, time, from.id));
}

function isBefore(line: Line, time: bigint, id: string): boolean {
  const own = parseInstant(line.timestamp);
  return own !== null && (own < time || (own === time && line.id < id));
}
