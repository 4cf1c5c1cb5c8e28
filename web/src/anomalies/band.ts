/** What was observed beside what was expected, as places on a bar from nothing to the most of both. */

import type { Feature } from '../api/types';
import { count } from '../ui/format';

/** In per cent of the bar's width. */
export interface BandShape {
  low: number;
  high: number;
  observed: number;
  where: 'above' | 'below' | 'within';
}

/** Null where a number is missing, so that nothing is drawn that is not known. */
export function bandShape(feature: Feature): BandShape | null {
  const { observed, low, high } = feature;
  if (!isNumber(observed) || !isNumber(low) || !isNumber(high)) return null;
  const most = Math.max(observed, high, 0) * 1.04 || 1;
  const place = (value: number) => Math.min(100, Math.max(0, (value / most) * 100));
  return {
    low: place(low),
    high: place(high),
    observed: place(observed),
    where: observed > high ? 'above' : observed < low ? 'below' : 'within',
  };
}

function isNumber(value: number | null): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

const NAMES: Record<string, string> = {
  records: 'Records',
  errors: 'Errors',
  warnings: 'Warnings',
  odd_order: 'Records in a rare order',
  template_burst: 'This message',
  new_template: 'New message',
  new_error: 'New problem',
  rare_value: 'Records with the value',
  recurrence: 'Known symptom',
  latency_ms: 'Duration',
  missed_run: 'Runs',
  mix: 'Oddness of the mix',
};

export function featureName(feature: Feature): string {
  const name = NAMES[feature.name] ?? feature.name.replaceAll('_', ' ');
  return feature.name === 'mix' ? name : `${name} in ${windowText(feature.window_s)}`;
}

function windowText(seconds: number): string {
  return seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`;
}

/** `240, expected 0 to 12`. */
export function featureText(feature: Feature): string {
  const unit = feature.name.endsWith('_ms') ? ' ms' : '';
  const text = (value: number | null) => (isNumber(value) ? quantity(value) : 'unknown');
  const expected =
    feature.low === 0 && feature.high === 0
      ? 'expected none'
      : `expected ${text(feature.low)} to ${text(feature.high)}${unit}`;
  return `${text(feature.observed)}${unit}, ${expected}`;
}

function quantity(value: number): string {
  if (value >= 100 || Number.isInteger(value)) return count(Math.round(value));
  return value < 1 ? String(Number(value.toPrecision(2))) : value.toFixed(1);
}
