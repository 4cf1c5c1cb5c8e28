/** Finds places in the whole result, however far away: the next error, a time, a line a link names. */

import { histogram, search } from '../api/client';
import { isLine, type Line } from '../api/types';
import { narrowed } from '../query/edit';
import { formatInstant, parseInstant } from '../time/instant';
import type { Run } from './run';

/** Rows read first around a place; lines of the very same instant may need more. */
const NEAR = 50;
const FAR = 2_000;
/** Lines of one instant that are looked through; more have no order that a reader could follow. */
const MOST_TIES = 20_000;
const MILLISECOND_NS = 1_000_000n;

export interface Found {
  rank: number;
  line: Line;
}

/** Lines of `q` in the run's range that are newer than `after`. */
async function countNewer(run: Run, q: string, after: bigint): Promise<number> {
  const answer = await histogram({ q, from: formatInstant(after + 1n), to: run.lineParams.to, buckets: 1 });
  return answer.total;
}

/** Lines of `q` from a rank on, read as far as they are wanted. */
async function* linesFrom(run: Run, q: string, rank: number): AsyncGenerator<Line> {
  for (let limit = NEAR, seen = 0; seen < MOST_TIES; seen += limit, limit = FAR) {
    const answer = await search({ ...run.lineParams, q, rank: rank + seen, limit });
    yield* answer.data.filter(isLine);
    if (answer.data.length < limit) return;
  }
}

/** Rank of the first line at or before an instant. */
export async function rankOfTime(run: Run, instant: bigint): Promise<number> {
  return countNewer(run, run.lineParams.q, instant);
}

/** Rank of a line in the result, found by its time and then by its id; null when it is not in the result. */
export async function rankOfLine(run: Run, id: string, time: bigint): Promise<Found | null> {
  let rank = await countNewer(run, run.lineParams.q, time);
  for await (const line of linesFrom(run, run.lineParams.q, rank)) {
    if (line.id === id) return { rank, line };
    // An id knows the time to the millisecond only.
    if ((parseInstant(line.timestamp) ?? time) < time - MILLISECOND_NS) return null;
    rank += 1;
  }
  return null;
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
  const target = from ? await neighbour(run, q, from, direction) : await firstLine(run, q);
  const time = target && parseInstant(target.timestamp);
  return target && time != null ? rankOfLine(run, target.id, time) : null;
}

async function firstLine(run: Run, q: string): Promise<Line | undefined> {
  for await (const line of linesFrom(run, q, 0)) return line;
  return undefined;
}

async function neighbour(run: Run, q: string, from: Line, direction: 'older' | 'newer'): Promise<Line | undefined> {
  const time = parseInstant(from.timestamp);
  if (time === null) return undefined;
  const newer = await countNewer(run, q, time);
  let last: Line | undefined;
  for await (const line of linesFrom(run, q, Math.max(0, newer - 1))) {
    if (direction === 'newer' && (line.id === from.id || isBefore(line, time, from.id))) return last;
    if (direction === 'older' && (last?.id === from.id || isBefore(line, time, from.id))) return line;
    last = line;
  }
  return direction === 'newer' ? last : undefined;
}

function isBefore(line: Line, time: bigint, id: string): boolean {
  const own = parseInstant(line.timestamp);
  return own !== null && (own < time || (own === time && line.id < id));
}
