import fc from 'fast-check';
import { expect, test } from 'vitest';
import { alertsHref, DEFAULT_ALERTS, decodeAlerts, SHOWN, VIEWS } from './alertsUrl';

test('the default page has a bare address', () => {
  expect(alertsHref()).toBe('/alerts');
  expect(alertsHref({ shown: 'all' }, 'a b')).toBe('/alerts/a%20b?shown=all');
});

test('every state survives the address bar', () => {
  const state = fc.record({ view: fc.constantFrom(...VIEWS), shown: fc.constantFrom(...SHOWN), draft: fc.string() });
  fc.assert(
    fc.property(state, (given) => {
      expect(decodeAlerts(new URL(alertsHref(given), 'http://x').search)).toEqual(given);
    }),
  );
});

test('any text at all decodes to some state', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(VIEWS).toContain(decodeAlerts(text).view);
    }),
  );
  expect(decodeAlerts('view=nonsense')).toEqual(DEFAULT_ALERTS);
});
