import fc from 'fast-check';
import { expect, test } from 'vitest';
import { displayInstant, formatInstant, parseInstant } from './instant';

test('nanoseconds survive the way to text and back', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -62135596800n * 10n ** 9n, max: 253402300799n * 10n ** 9n }), (ns) => {
      expect(parseInstant(formatInstant(ns))).toBe(ns);
    }),
  );
});

test('offsets, missing seconds and epochs of four sizes are understood', () => {
  expect(formatInstant(parseInstant('2026-11-22T10:15:30.5+02:00') as bigint)).toBe('2026-11-22T08:15:30.500Z');
  expect(formatInstant(parseInstant('2026-11-22 10:15') as bigint)).toBe('2026-11-22T10:15:00Z');
  for (const epoch of ['1795342530', '1795342530000', '1795342530000000', '1795342530000000000']) {
    expect(parseInstant(epoch)).toBe(1795342530000000000n);
  }
});

test.each(['', 'soon', '2026-13-01', '2026-02-30', '2026-11-22T25:00', '12'])('%j is no instant', (text) => {
  expect(parseInstant(text)).toBeNull();
});

test('a time is shown with the digits asked for', () => {
  expect(displayInstant(1_795_342_530_123_456_789n, 'utc')).toBe('2026-11-22 10:15:30.123');
  expect(displayInstant(1_795_342_530_123_456_789n, 'utc', 0)).toBe('2026-11-22 10:15:30');
});
