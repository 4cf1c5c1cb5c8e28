import { expect, test } from 'vitest';
import { matchersOf, matchersText } from './matchers';

test('a silence of an incident is about its services, else about its rules', () => {
  expect(matchersOf({ services: ['payment'], rules: ['r'] })).toEqual({ service: 'payment' });
  expect(matchersOf({ services: ['a.b', 'c/d'], rules: [] })).toEqual({ service: '/a\\.b|c\\/d/' });
  expect(matchersOf({ services: [''], rules: ['declines'] })).toEqual({ rule: 'declines' });
  expect(matchersText({ service: 'payment', severity: '/P[12]/' })).toBe('service payment, severity /P[12]/');
});
