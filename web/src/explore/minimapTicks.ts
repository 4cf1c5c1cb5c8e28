/** Where errors and warnings lie in the whole result, as shares of its length. Newest first. */

import type { Bucket } from '../api/types';

export interface Tick {
  level: 'error' | 'warn';
  /** 0 = newest line, 1 = oldest. */
  from: number;
  to: number;
  rank: number;
  /** How dense they are there, compared with the densest place of that level: 0.15 … 1. */
  strength: number;
}

export function minimapTicks(buckets: readonly Bucket[], total: number): Tick[] {
  if (total <= 0) return [];
  const densest = { error: 0, warn: 0 };
  for (const bucket of buckets) {
    if (bucket.total === 0) continue;
    densest.error = Math.max(densest.error, errorsIn(bucket) / bucket.total);
    densest.warn = Math.max(densest.warn, (bucket.counts.warn ?? 0) / bucket.total);
  }
  const ticks: Tick[] = [];
  let rank = 0;
  for (let i = buckets.length - 1; i >= 0; i--) {
    const bucket = buckets[i] as Bucket;
    const errors = errorsIn(bucket);
    const hits = errors > 0 ? errors : (bucket.counts.warn ?? 0);
    if (bucket.total > 0 && hits > 0) {
      const level = errors > 0 ? 'error' : 'warn';
      const strength = Math.max(FAINTEST, hits / bucket.total / densest[level]);
      ticks.push({ level, from: rank / total, to: (rank + bucket.total) / total, rank, strength });
    }
    rank += bucket.total;
  }
  return ticks;
}

const FAINTEST = 0.15;

function errorsIn({ counts }: Bucket): number {
  return (counts.error ?? 0) + (counts.fatal ?? 0);
}
