/** What a range is compared with. */

import { DAY_NS, formatInstant } from '../time/instant';
import type { Range } from '../time/range';
import { count } from '../ui/format';

export const BASELINES = [
  ['before', 'Just before'],
  ['day', 'A day ago'],
  ['week', 'A week ago'],
] as const;

export type Baseline = (typeof BASELINES)[number][0];

/** Bounds of the baseline; none where the node's own choice, the window just before, is meant. */
export function baselineBounds(
  baseline: Baseline,
  range: Range,
  now: bigint,
): { baseline_from?: string; baseline_to?: string } {
  if (baseline === 'before' || range.from === null) return {};
  const back = baseline === 'day' ? DAY_NS : 7n * DAY_NS;
  return {
    baseline_from: formatInstant(range.from - back),
    baseline_to: formatInstant((range.to ?? now) - back),
  };
}

/** `×4.2`, `÷3`, from log2 of a ratio. */
export function ratioText(effect: number): string {
  const ratio = 2 ** Math.abs(effect);
  return `${effect < 0 ? '÷' : '×'}${ratio < 10 ? Number(ratio.toPrecision(2)) : count(Math.round(ratio))}`;
}
