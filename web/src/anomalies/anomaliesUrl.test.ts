import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type AnomaliesState,
  anomaliesHref,
  DEFAULT_ANOMALIES,
  decodeAnomalies,
  encodeAnomalies,
} from './anomaliesUrl';
import { KINDS } from './kinds';

test('every state survives the way into the address and back', () => {
  const state = fc.record<AnomaliesState>({
    from: fc.constantFrom('-24h', '-15m', 'all', '2026-11-22T10:00:00Z'),
    to: fc.constantFrom('now', '2026-11-22T11:00:00.5Z'),
    tz: fc.constantFrom('local', 'utc'),
    service: fc.string({ unit: 'grapheme' }),
    kind: fc.constantFrom('', ...KINDS),
  });
  fc.assert(
    fc.property(state, (one) => {
      expect(decodeAnomalies(encodeAnomalies(one))).toEqual(one);
    }),
  );
});

test('the default state is an empty query, and a link is readable', () => {
  expect(anomaliesHref(DEFAULT_ANOMALIES)).toBe('/anomalies');
  expect(anomaliesHref({ ...DEFAULT_ANOMALIES, service: 'pay', kind: 'new_error', from: '-1h' }, 'abc')).toBe(
    '/anomalies/abc?from=-1h&kind=new_error&service=pay',
  );
});

test('nonsense becomes the default', () => {
  expect(decodeAnomalies('from=soon&to=&kind=magic&tz=mars')).toEqual(DEFAULT_ANOMALIES);
});
