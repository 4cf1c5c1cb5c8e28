/** Where errors and warnings lie in the whole result, as shares of its length. Newest first. */

import type { Bucket } from '../api/types';

export interface Tick {
  level: 'error' | 'warn';
  /** 0 = newest line, 1 = oldest. */
  from: number;
  to: number;
  rank: number;
}

export function minimapTicks(buckets: readonly Bucket[], total: number): Tick[] {
  if (total <= 0) return [];
  const ticks: Tick[] = [];
  let rank = 0;
  for (let i = buckets.length - 1; i >= 0; i--) {
    const bucket = buckets[i] as Bucket;
    const errors = (bucket.counts.error ?? 0) + (bucket.counts.fatal ?? 0);
    const warnings = bucket.counts.warn ?? 0;
    if (bucket.total > 0 && (errors > 0 || warnings > 0)) {
      ticks.push({ level: errors > 0 ? 'error' : 'warn', from: rank / total, to: (rank + bucket.total) / total, rank });
    }
    rank += bucket.total;
  }
  return ticks;
}
