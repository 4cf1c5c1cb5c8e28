/** Numbers and values as people read them. */

import { exactText } from '../api/exactJson';

const COUNT = new Intl.NumberFormat('en');
const COMPACT = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });

export function count(value: number | bigint): string {
  return COUNT.format(value);
}

/** 1.2K, 3.4M: for axes and narrow places. */
export function shortCount(value: number): string {
  return value < 10_000 ? COUNT.format(Math.round(value * 10) / 10) : COMPACT.format(value);
}

export function milliseconds(value: number): string {
  if (value < 1) return '< 1 ms';
  return value < 1_000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(1)} s`;
}

export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** A field's value as one line of text. */
export function valueText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value === null || value === undefined) return '';
  return typeof value === 'object' ? exactText(value) : String(value);
}
