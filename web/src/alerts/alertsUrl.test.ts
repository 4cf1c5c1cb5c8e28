import { expect, test } from 'vitest';
import { alertsHref, DEFAULT_ALERTS, decodeAlerts, newRuleHref, VIEWS } from './alertsUrl';

test('every state reads back from its address', () => {
  for (const view of VIEWS) {
    for (const all of [true, false]) {
      for (const q of ['', 'service:payment "card declined" | x & y + z', 'message:/a=b#c/']) {
        const state = { view, all, edit: q && 'new', q };
        const href = alertsHref(state);
        expect(decodeAlerts(href.split('?')[1] ?? '')).toEqual(state);
      }
    }
  }
});

test('defaults are left out, nonsense becomes the default', () => {
  expect(alertsHref(DEFAULT_ALERTS)).toBe('/alerts');
  expect(alertsHref({ all: true }, 'a/b')).toBe('/alerts/a%2Fb?all=1');
  expect(decodeAlerts('view=other&all=yes')).toEqual(DEFAULT_ALERTS);
  expect(newRuleHref('level>=error')).toBe('/alerts?edit=new&q=level%3E=error&view=rules');
});
