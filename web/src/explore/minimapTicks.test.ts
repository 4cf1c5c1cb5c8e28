import { expect, test } from 'vitest';
import type { Bucket } from '../api/types';
import { minimapTicks } from './minimapTicks';

test('buckets with errors and warnings are placed by rank, newest first', () => {
  const buckets: Bucket[] = [
    { time: 'old', total: 50, counts: { error: 1, info: 49 } },
    { time: 'mid', total: 30, counts: { info: 30 } },
    { time: 'new', total: 20, counts: { warn: 2, info: 18 } },
  ];
  expect(minimapTicks(buckets, 100)).toEqual([
    { level: 'warn', from: 0, to: 0.2, rank: 0, strength: 1 },
    { level: 'error', from: 0.5, to: 1, rank: 50, strength: 1 },
  ]);
  expect(minimapTicks([], 0)).toEqual([]);
});
