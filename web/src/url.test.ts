import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DEFAULT_STATE, decodeState, type ExploreState, encodeState } from './url';

const bound = fc.oneof(
  fc.constantFrom('all', 'now', '2026-11-22T10:00:00.123456789Z', '1795342530'),
  fc
    .tuple(fc.integer({ min: 0, max: 999_999_999 }), fc.constantFrom('s', 'm', 'h', 'd', 'w'))
    .map(([n, u]) => `-${n}${u}`),
);

const state: fc.Arbitrary<ExploreState> = fc.record({
  q: fc.string({ unit: 'grapheme' }),
  from: bound,
  to: bound,
  tz: fc.constantFrom('local', 'utc'),
  sel: fc.oneof(fc.constant(''), fc.uuid()),
  rank: fc.integer({ min: -1, max: 1_000_000_000 }),
  live: fc.boolean(),
  view: fc.constantFrom('lines', 'patterns', 'compare'),
  cmp: fc.constantFrom('before', 'day', 'week'),
  order: fc.constantFrom('frequent', 'rare', 'new', 'errors'),
});

test('every state reads back as it was written', () => {
  fc.assert(
    fc.property(state, (value) => {
      expect(decodeState(encodeState(value))).toEqual(value);
    }),
  );
});

test('the same state has the same address, keys sorted', () => {
  fc.assert(
    fc.property(state, (value) => {
      const keys = encodeState(value)
        .split('&')
        .map((pair) => pair.split('=')[0]);
      expect(keys).toEqual([...keys].sort());
      expect(encodeState(decodeState(encodeState(value)))).toBe(encodeState(value));
    }),
  );
});

test('the default state is an empty query string', () => {
  expect(encodeState(DEFAULT_STATE)).toBe('');
  expect(decodeState('')).toEqual(DEFAULT_STATE);
});

test('a query stays readable in the address bar', () => {
  expect(encodeState({ ...DEFAULT_STATE, q: 'service:payment level>=error | head 5' })).toBe(
    'q=service:payment+level%3E=error+|+head+5',
  );
});

test('any text at all decodes to some state', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void decodeState(text)));
  expect(decodeState('from=yesterday&rank=-4&tz=mars&live=yes')).toEqual(DEFAULT_STATE);
});

test('an address without a clock is told by the chosen one', () => {
  expect(decodeState('', 'utc').tz).toBe('utc');
  expect(decodeState('tz=local', 'utc').tz).toBe('local');
  expect(decodeState('tz=utc', 'local').tz).toBe('utc');
});
