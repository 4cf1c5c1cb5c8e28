import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DAY_NS, HOUR_NS, parseInstant } from './instant';
import {
  absoluteText,
  displaySpan,
  isValidBound,
  PRESETS,
  rangeLabel,
  resolveRange,
  shiftRange,
  spansDays,
  zoomRange,
} from './range';

const NOW = parseInstant('2026-11-22T12:00:00Z') as bigint;

test('relative bounds are measured from now', () => {
  expect(resolveRange({ from: '-1h', to: 'now' }, NOW)).toEqual({ from: NOW - HOUR_NS, to: NOW });
  expect(resolveRange({ from: '-1h30m', to: 'now' }, NOW).from).toBe(NOW - (3n * HOUR_NS) / 2n);
  expect(resolveRange({ from: 'all', to: '-1d' }, NOW)).toEqual({ from: null, to: NOW - DAY_NS });
});

test('making a range absolute keeps the instants', () => {
  for (const preset of PRESETS.filter((p) => p.from !== 'all')) {
    const range = resolveRange(preset, NOW);
    expect(resolveRange(absoluteText(range), 0n)).toEqual(range);
  }
});

test('shifting there and back ends where it began', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 90_000 }), (minutes) => {
      const start = absoluteText(resolveRange({ from: `-${minutes}m`, to: 'now' }, NOW));
      expect(shiftRange(shiftRange(start, -1, NOW), 1, NOW)).toEqual(start);
    }),
  );
});

test('zooming in halves the width around the middle, zooming out never passes now', () => {
  const inner = resolveRange(zoomRange({ from: '-4h', to: 'now' }, 'in', NOW), NOW);
  expect(inner).toEqual({ from: NOW - 3n * HOUR_NS, to: NOW - HOUR_NS });
  const outer = resolveRange(zoomRange({ from: '-4h', to: 'now' }, 'out', NOW), NOW);
  expect(outer).toEqual({ from: NOW - 8n * HOUR_NS, to: NOW });
});

test('an unbounded range is left alone by shift and zoom', () => {
  expect(shiftRange({ from: 'all', to: 'now' }, -1, NOW)).toEqual({ from: 'all', to: 'now' });
  expect(zoomRange({ from: 'all', to: 'now' }, 'out', NOW)).toEqual({ from: 'all', to: 'now' });
});

test('labels say presets in words and absolute ranges once per day', () => {
  expect(rangeLabel({ from: '-15m', to: 'now' }, 'utc')).toBe('Last 15 minutes');
  expect(rangeLabel({ from: '-90s', to: 'now' }, 'utc')).toBe('Last 90s');
  expect(rangeLabel({ from: '2026-11-22T10:00:00Z', to: '2026-11-22T11:30:00Z' }, 'utc')).toBe(
    '2026-11-22 10:00:00 – 11:30:00',
  );
});

test('bounds people type are checked', () => {
  for (const good of ['all', 'now', '-15m', '-2w', '2026-11-22', '1795342530']) expect(isValidBound(good)).toBe(true);
  for (const bad of ['', '15m', '-15', 'yesterday']) expect(isValidBound(bad)).toBe(false);
});

test('spans are short words', () => {
  expect([250_000_000n, 90n * 10n ** 9n, 7200n * 10n ** 9n, 3n * DAY_NS].map(displaySpan)).toEqual([
    '250 ms',
    '1.5 min',
    '2 h',
    '3 d',
  ]);
});

test('a range is of several days when the clock passes midnight in it', () => {
  const range = (from: string, to: string) => ({ from: parseInstant(from), to: parseInstant(to) });
  expect(spansDays(range('2026-11-27T23:55:00Z', '2026-11-28T00:10:00Z'), 'utc')).toBe(true);
  expect(spansDays(range('2026-11-27T10:00:00Z', '2026-11-28T00:00:00Z'), 'utc')).toBe(false);
  expect(spansDays({ from: null, to: null }, 'utc')).toBe(true);
});
