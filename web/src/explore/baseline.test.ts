import { expect, test } from 'vitest';
import { parseInstant } from '../time/instant';
import { baselineBounds, ratioText } from './baseline';

const at = (text: string): bigint => parseInstant(text) ?? 0n;

test('a day ago is the same range a day earlier, and just before is left to the node', () => {
  const range = { from: at('2026-11-22T10:00:00Z'), to: at('2026-11-22T11:00:00Z') };
  expect(baselineBounds('before', range, 0n)).toEqual({});
  expect(baselineBounds('day', range, 0n)).toEqual({
    baseline_from: '2026-11-21T10:00:00Z',
    baseline_to: '2026-11-21T11:00:00Z',
  });
  const open = { from: at('2026-11-22T10:00:00Z'), to: null };
  expect(baselineBounds('week', open, at('2026-11-22T12:00:00Z')).baseline_to).toBe('2026-11-15T12:00:00Z');
  expect(baselineBounds('day', { from: null, to: null }, 0n)).toEqual({});
});

test('an effect is said as a ratio', () => {
  expect(ratioText(1)).toBe('×2');
  expect(ratioText(-2)).toBe('÷4');
  expect(ratioText(0.5)).toBe('×1.4');
  expect(ratioText(12)).toBe('×4,096');
});
