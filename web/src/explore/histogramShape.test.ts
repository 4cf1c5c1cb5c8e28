import { expect, test } from 'vitest';
import type { Bucket } from '../api/types';
import { layersOf, niceMaximum, tickLabel, timeTicks, trendSentence, wholeTicks } from './histogramShape';

function bucket(counts: Record<string, number>, time = '2026-11-22T10:00:00Z'): Bucket {
  return { time, counts, total: Object.values(counts).reduce((a, b) => a + b, 0) };
}

test('errors stand on the baseline, below info', () => {
  const [error, info] = layersOf([bucket({ info: 50, error: 50 })], 10, 100, 100);
  expect(error).toMatchObject({ level: 'error', path: 'M0 50h9v50h-9z' });
  expect(info).toMatchObject({ level: 'info', path: 'M0 0h9v50h-9z' });
});

test('a single error among a million lines is still drawn', () => {
  const [error] = layersOf([bucket({ info: 1_000_000, error: 1 })], 10, 100, 1_000_001);
  expect(error).toMatchObject({ level: 'error', path: 'M0 98h9v2h-9z' });
});

test('the axis ends at a round number that holds everything', () => {
  expect([0, 1, 7, 13, 130, 999, 1_001].map(niceMaximum)).toEqual([1, 1, 8, 15, 150, 1_000, 1_500]);
});

test('time marks are round and few', () => {
  const from = Date.UTC(2026, 10, 22, 10, 3);
  const ticks = timeTicks(from, from + 900_000, 600, 0);
  expect(ticks.map((t) => new Date(t).toISOString().slice(11, 16))).toEqual(['10:05', '10:10', '10:15']);
  expect(timeTicks(0, 365 * 10 * 86_400_000, 1_000, 0).length).toBeLessThan(20);
});

test('the trend is one sentence', () => {
  const rising = [bucket({ info: 1 }), bucket({ info: 9, error: 3 }, 'T2')];
  expect(trendSentence(rising, (b) => b.time)).toBe('13 lines, rising, most at T2 (12); 3 errors.');
  expect(trendSentence([bucket({})], () => '')).toBe('No lines in this range.');
});

test('a tick whose label would pass the end of the axis has none', () => {
  const day = 86_400_000;
  expect(wholeTicks([0, 600, 955, 957], 0, 1_000, 1_000)).toEqual([0, 600, 955]);
  expect(wholeTicks([0, 9 * day, 9.5 * day], 0, 10 * day, 1_000)).toEqual([0, 9 * day]);
});

test('a tick says as much as tells it apart', () => {
  const at = Date.UTC(2026, 10, 28, 6);
  expect(tickLabel(at, 'utc', 1_000)).toBe('00.000');
  expect(tickLabel(at, 'utc', 60_000)).toBe('06:00:00');
  expect(tickLabel(at, 'utc', 86_400_000)).toBe('06:00');
  expect(tickLabel(at, 'utc', 10 * 86_400_000)).toBe('11-28 06:00');
  expect(tickLabel(Date.UTC(2026, 10, 28), 'utc', 86_400_000)).toBe('11-28');
});
