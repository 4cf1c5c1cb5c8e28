/** Geometry of the stacked histogram: pure, so that it can be tested without a screen. */

import type { Bucket } from '../api/types';
import { type Level, STACK_ORDER } from '../levels';
import { instantParts, type Zone } from '../time/instant';

export interface Bar {
  x: number;
  width: number;
  y: number;
  height: number;
}

/** Levels that occur, worst first (drawn on the baseline), each with its bars. */
export interface Layer {
  level: Level;
  total: number;
  path: string;
}

export function niceMaximum(value: number): number {
  if (value <= 1) return 1;
  const magnitude = 10 ** Math.floor(Math.log10(value));
  const step = [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].find((s) => s * magnitude >= value) ?? 10;
  return Math.ceil(step * magnitude);
}

export function layersOf(buckets: readonly Bucket[], width: number, height: number, maximum: number): Layer[] {
  if (buckets.length === 0 || width <= 0) return [];
  const step = width / buckets.length;
  const gap = step >= 4 ? 1 : 0;
  const scale = height / maximum;
  const base = buckets.map(() => 0);
  const layers: Layer[] = [];
  for (const level of STACK_ORDER) {
    let path = '';
    let total = 0;
    buckets.forEach((bucket, i) => {
      const value = bucket.counts[level] ?? 0;
      if (value <= 0) return;
      total += value;
      const from = base[i] as number;
      base[i] = from + value;
      const tall = Math.max(leastHeight(level), value * scale);
      const y = Math.max(0, height - from * scale - tall);
      path += `M${round(i * step)} ${round(y)}h${round(Math.max(1, step - gap))}v${round(tall)}h-${round(Math.max(1, step - gap))}z`;
    });
    if (total > 0) layers.push({ level, total, path });
  }
  return layers;
}

/** What exists is seen; what matters is seen at a glance. */
function leastHeight(level: Level): number {
  return level === 'fatal' || level === 'error' || level === 'warn' ? 2 : 1;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** Time marks at round times, not too many. */
export function timeTicks(fromMs: number, toMs: number, width: number, offsetMs: number): number[] {
  const wanted = Math.max(2, Math.floor(width / 110));
  const span = toMs - fromMs;
  if (!(span > 0)) return [];
  const step = STEPS_MS.find((s) => span / s <= wanted) ?? Math.ceil(span / wanted / DAY_MS) * DAY_MS;
  const ticks: number[] = [];
  for (let t = Math.ceil((fromMs + offsetMs) / step) * step - offsetMs; t < toMs; t += step) ticks.push(t);
  return ticks;
}

/** Ticks whose labels end before the axis does; one nearer to the end would be cut. */
export function wholeTicks(ticks: readonly number[], fromMs: number, toMs: number, width: number): number[] {
  const labelPx = toMs - fromMs > 4 * DAY_MS ? 72 : 44;
  return ticks.filter((tick) => ((tick - fromMs) / (toMs - fromMs)) * width < width - labelPx);
}

/** What a tick says on an axis of `spanMs`: as little as tells it apart; midnight is its date. */
export function tickLabel(ms: number, zone: Zone, spanMs: number): string {
  const { date, time, fraction } = instantParts(BigInt(Math.round(ms)) * 1_000_000n, zone);
  if (spanMs < 5_000) return `${time.slice(6)}.${fraction.slice(0, 3)}`;
  if (spanMs < 600_000) return time;
  if (time === '00:00:00') return date.slice(5);
  return spanMs > 4 * DAY_MS ? `${date.slice(5)} ${time.slice(0, 5)}` : time.slice(0, 5);
}

const DAY_MS = 86_400_000;
const STEPS_MS = [
  1,
  5,
  10,
  50,
  100,
  500,
  1_000,
  2_000,
  5_000,
  10_000,
  15_000,
  30_000,
  60_000,
  120_000,
  300_000,
  600_000,
  900_000,
  1_800_000,
  3_600_000,
  7_200_000,
  10_800_000,
  21_600_000,
  43_200_000,
  DAY_MS,
  2 * DAY_MS,
  7 * DAY_MS,
  30 * DAY_MS,
  90 * DAY_MS,
  365 * DAY_MS,
];

/** One sentence for those who do not see the bars. */
export function trendSentence(buckets: readonly Bucket[], timeOf: (bucket: Bucket) => string): string {
  const total = buckets.reduce((sum, bucket) => sum + bucket.total, 0);
  if (total === 0) return 'No lines in this range.';
  const peak = buckets.reduce((best, bucket) => (bucket.total > best.total ? bucket : best));
  const errors = buckets.reduce((sum, { counts }) => sum + (counts.error ?? 0) + (counts.fatal ?? 0), 0);
  const half = Math.floor(buckets.length / 2);
  const sumOf = (part: readonly Bucket[]) => part.reduce((sum, bucket) => sum + bucket.total, 0);
  const [before, after] = [sumOf(buckets.slice(0, half)), sumOf(buckets.slice(buckets.length - half))];
  const trend =
    half === 0 || Math.abs(after - before) < 0.1 * Math.max(before, after)
      ? 'steady'
      : after > before
        ? 'rising'
        : 'falling';
  const errorText = errors === 0 ? 'no errors' : `${errors.toLocaleString('en')} errors`;
  return `${total.toLocaleString('en')} lines, ${trend}, most at ${timeOf(peak)} (${peak.total.toLocaleString('en')}); ${errorText}.`;
}
