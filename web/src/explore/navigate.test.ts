import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Line } from '../api/types';
import { formatInstant, parseInstant } from '../time/instant';
import { endOfIdTime, nextMatch, rankOfLine } from './navigate';
import { makeRun } from './run';

const BURST_MS = 1_795_342_530_000;

/** Line `i`, 0 = newest. 3 by themselves, then 200 errors of one instant, then 3 more. */
function line(i: number): Line {
  const ms = i < 3 ? BURST_MS + 1_000 - i : i < 203 ? BURST_MS : BURST_MS - 1_000 - i;
  const id = `${ms.toString(16).padStart(12, '0')}7000800000000000${(0xffff - i).toString(16)}`;
  return { id, timestamp: formatInstant(BigInt(ms) * 1_000_000n), level: 'error', message: `line ${i}` } as Line;
}

const LINES = Array.from({ length: 206 }, (_, i) => line(i));
const run = makeRun('', { from: 'all', to: 'now' }, 0n);

beforeEach(() => {
  vi.stubGlobal('fetch', async (url: string) => {
    const { pathname, searchParams } = new URL(url, 'http://node');
    const from = parseInstant(searchParams.get('from') ?? '') ?? 0n;
    const found = LINES.filter(({ timestamp }) => (parseInstant(timestamp) as bigint) >= from);
    const [rank, limit] = [Number(searchParams.get('rank')), Number(searchParams.get('limit'))];
    const answer = pathname.endsWith('histogram')
      ? { data: [], total: found.length }
      : { data: found.slice(rank, rank + limit) };
    return new Response(JSON.stringify(answer));
  });
});
afterEach(() => vi.unstubAllGlobals());

test('the next error is one further down, in the middle of many of one instant, too', async () => {
  for (const rank of [0, 2, 3, 100, 201, 202]) {
    expect(await nextMatch(run, 'level>=error', LINES[rank] as Line, 'older')).toMatchObject({ rank: rank + 1 });
    expect(await nextMatch(run, 'level>=error', LINES[rank + 1] as Line, 'newer')).toMatchObject({ rank });
  }
  expect(await nextMatch(run, 'level>=error', null, 'older')).toMatchObject({ rank: 0 });
  expect(await nextMatch(run, 'level>=error', LINES[205] as Line, 'older')).toBeNull();
  expect(await nextMatch(run, 'level>=error', LINES[0] as Line, 'newer')).toBeNull();
});

test('a line is found by its id among many of one instant; one that is not there is not', async () => {
  const { id } = LINES[180] as Line;
  expect(await rankOfLine(run, id, endOfIdTime(id) as bigint)).toMatchObject({ rank: 180 });
  expect(await rankOfLine(run, id.replace(/.$/, 'z'), endOfIdTime(id) as bigint)).toBeNull();
});
