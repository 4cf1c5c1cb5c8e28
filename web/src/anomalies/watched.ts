/** What came in over a range: the ground on which "nothing unusual" stands. */

import { search } from '../api/client';
import type { Row } from '../api/types';
import { formatInstant, HOUR_NS, MINUTE_NS, nowNs, parseInstant } from '../time/instant';
import { type RangeText, resolveRange } from '../time/range';

/** A service is judged from here on. */
export const LEARNING_NS = 5n * MINUTE_NS;
const MOST_SERVICES = 1_000;

export interface WatchedService {
  service: string;
  records: number;
  first: bigint;
  last: bigint;
}

export interface Watched {
  /** By name. */
  services: WatchedService[];
  records: number;
  /** Between the first and the last record; 0 without any. */
  spanNs: bigint;
  first: bigint;
  last: bigint;
  /** Services whose records span less than what judging needs. */
  learning: WatchedService[];
}

/** Counts every record of the range by service. A shorter range is looked at over an hour, or all would seem new. */
export async function fetchWatched(range: RangeText, signal?: AbortSignal): Promise<Watched> {
  const now = nowNs();
  const { from, to } = resolveRange(range, now);
  const hourBefore = (to ?? now) - HOUR_NS;
  const start = from !== null && from > hourBefore ? hourBefore : from;
  const answer = await search(
    {
      q: '* | stats count() as n, min(timestamp) as first, max(timestamp) as last by service',
      from: start === null ? undefined : formatInstant(start),
      to: range.to === 'now' || to === null ? undefined : formatInstant(to),
      limit: MOST_SERVICES,
    },
    signal,
  );
  return watchedOf(answer.data);
}

export function watchedOf(rows: readonly Row[]): Watched {
  const services = rows
    .flatMap((row): WatchedService[] => {
      const [first, last] = [parseInstant(String(row.first)), parseInstant(String(row.last))];
      if (typeof row.service !== 'string' || first === null || last === null) return [];
      return [{ service: row.service, records: Number(row.n), first, last }];
    })
    .sort((a, b) => a.service.localeCompare(b.service));
  let [first, last] = [services[0]?.first ?? 0n, services[0]?.last ?? 0n];
  for (const one of services) {
    if (one.first < first) first = one.first;
    if (one.last > last) last = one.last;
  }
  return {
    services,
    records: services.reduce((sum, { records }) => sum + records, 0),
    first,
    last,
    spanNs: last - first,
    learning: services.filter((one) => one.last - one.first < LEARNING_NS),
  };
}

/** Judging follows live records by some 20 s; what is further behind is worth a word. */
const USUAL_LAG_NS = 2n * MINUTE_NS;

/** How much of what came in waits to be judged: 0 when judging follows, null before the first record was judged. */
export function waitingNs(watched: Watched, judgedUntil: bigint | null): bigint | null {
  if (judgedUntil === null) return null;
  const behind = watched.last - judgedUntil;
  return behind > USUAL_LAG_NS ? behind : 0n;
}
