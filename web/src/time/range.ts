/** The time range of a page: as written in the URL, and resolved to instants. */

import {
  DAY_NS,
  displayInstant,
  formatInstant,
  HOUR_NS,
  instantParts,
  MINUTE_NS,
  parseInstant,
  SECOND_NS,
  type Zone,
} from './instant';

/** `from` and `to` as in the URL: `-15m`, `-1h30m`, `now`, RFC 3339, an epoch, or `all` (no bound). */
export interface RangeText {
  from: string;
  to: string;
}

/** Half-open, `from` ≤ t < `to`; null = no bound on that side. */
export interface Range {
  from: bigint | null;
  to: bigint | null;
}

export interface Preset extends RangeText {
  label: string;
  short: string;
}

export const DEFAULT_RANGE: RangeText = { from: '-15m', to: 'now' };

export const PRESETS: readonly Preset[] = [
  { from: '-5m', to: 'now', label: 'Last 5 minutes', short: '5 min' },
  { from: '-15m', to: 'now', label: 'Last 15 minutes', short: '15 min' },
  { from: '-1h', to: 'now', label: 'Last hour', short: '1 h' },
  { from: '-4h', to: 'now', label: 'Last 4 hours', short: '4 h' },
  { from: '-12h', to: 'now', label: 'Last 12 hours', short: '12 h' },
  { from: '-24h', to: 'now', label: 'Last 24 hours', short: '24 h' },
  { from: '-7d', to: 'now', label: 'Last 7 days', short: '7 d' },
  { from: '-30d', to: 'now', label: 'Last 30 days', short: '30 d' },
  { from: 'all', to: 'now', label: 'All time', short: 'All' },
];

const UNIT_NS: Record<string, bigint> = { s: SECOND_NS, m: MINUTE_NS, h: HOUR_NS, d: DAY_NS, w: 7n * DAY_NS };
const RELATIVE = /^-(?:\d{1,9}[smhdw]){1,8}$/;

function relativeNs(text: string): bigint | null {
  if (!RELATIVE.test(text)) return null;
  return [...text.matchAll(/(\d+)([smhdw])/g)].reduce(
    (sum, [, amount, unit]) => sum + BigInt(amount as string) * (UNIT_NS[unit as string] as bigint),
    0n,
  );
}

/** Whether a bound moves with the clock. */
export function isRelative(text: string): boolean {
  return text === 'now' || RELATIVE.test(text);
}

export function isValidBound(text: string): boolean {
  return text === 'all' || isRelative(text) || parseInstant(text) !== null;
}

export function resolveRange(range: RangeText, now: bigint): Range {
  return { from: resolveBound(range.from, now), to: range.to === 'now' ? now : resolveBound(range.to, now) };
}

function resolveBound(text: string, now: bigint): bigint | null {
  if (text === 'all' || text === '') return null;
  if (text === 'now') return now;
  const relative = relativeNs(text);
  return relative === null ? parseInstant(text) : now - relative;
}

export function absoluteText(range: Range): RangeText {
  return {
    from: range.from === null ? 'all' : formatInstant(range.from),
    to: range.to === null ? 'now' : formatInstant(range.to),
  };
}

/** Half a width earlier (-1) or later (+1). An unbounded range stays. */
export function shiftRange(range: RangeText, direction: -1 | 1, now: bigint): RangeText {
  const { from, to } = resolveRange(range, now);
  if (from === null || to === null) return range;
  const step = ((to - from) / 2n) * BigInt(direction);
  return absoluteText({ from: from + step, to: to + step });
}

/** A quarter of the width in (`in`: half as wide) or out (twice as wide), around the middle. */
export function zoomRange(range: RangeText, way: 'in' | 'out', now: bigint): RangeText {
  const { from, to } = resolveRange(range, now);
  if (from === null || to === null || to <= from) return range;
  const width = to - from;
  if (way === 'in') {
    const quarter = width / 4n;
    return quarter === 0n ? range : absoluteText({ from: from + quarter, to: to - quarter });
  }
  const later = to + width / 2n;
  const end = later > now && to <= now ? now : later;
  return absoluteText({ from: end - 2n * width, to: end });
}

/** Whether its instants are of more than one day on the clock of `zone`; an open range may be. */
export function spansDays({ from, to }: Range, zone: Zone): boolean {
  if (from === null || to === null) return true;
  return instantParts(from, zone).date !== instantParts(to - 1n, zone).date;
}

/** What the time button says. */
export function rangeLabel(range: RangeText, zone: Zone): string {
  const preset = PRESETS.find((p) => p.from === range.from && p.to === range.to);
  if (preset) return preset.label;
  if (isRelative(range.from) && range.to === 'now') return `Last ${range.from.slice(1)}`;
  const from = resolveBound(range.from, 0n);
  const to = range.to === 'now' ? null : resolveBound(range.to, 0n);
  const left = isRelative(range.from) ? range.from : from === null ? 'start' : displayInstant(from, zone, 0);
  const right = isRelative(range.to) ? range.to : to === null ? 'now' : displayInstant(to, zone, 0);
  const sameDay = left.slice(0, 11) === right.slice(0, 11) && left.length > 11;
  return `${left} – ${sameDay ? right.slice(11) : right}`;
}

/** `1.5 s`, `3 min`, `2 h`, `4 d`: a span for people. */
export function displaySpan(ns: bigint): string {
  const seconds = Number(ns) / 1e9;
  const size = Math.abs(seconds);
  const text = (value: number) => (value < 10 ? Math.round(value * 10) / 10 : Math.round(value)).toString();
  if (size < 1) return `${text(seconds * 1000)} ms`;
  if (size < 90) return `${text(seconds)} s`;
  if (size < 5400) return `${text(seconds / 60)} min`;
  if (size < 172_800) return `${text(seconds / 3600)} h`;
  return `${text(seconds / 86_400)} d`;
}
