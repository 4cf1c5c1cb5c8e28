import { expect, test } from 'vitest';
import { causeText, idOf, ruleText } from './words';

const RULE = { id: 'r', name: 'R', severity: 'P2' } as const;

test('a rule says what it waits for', () => {
  expect(ruleText({ ...RULE, kind: 'threshold' })).toBe('1 records or more within 5m');
  expect(ruleText({ ...RULE, kind: 'threshold', threshold: 5, distinct: 'user_id', group_by: ['service'] })).toBe(
    '5 different user_id or more within 5m for each service',
  );
  expect(ruleText({ ...RULE, kind: 'ratio', ratio: 0.055, window: '1h' })).toBe('5.5 % or more within 1h');
  expect(ruleText({ ...RULE, kind: 'absence', window: '10m' })).toBe('no record for 10m');
  expect(ruleText({ ...RULE, kind: 'sequence', steps: ['a', 'b'] })).toBe('2 steps within 5m');
  expect(ruleText({ ...RULE, kind: 'something' })).toBe('something');
});

test('an id is made of a name, and never empty', () => {
  expect(idOf('Many declined cards!')).toBe('many-declined-cards');
  expect(idOf('Überlauf: 50 %')).toBe('uberlauf-50');
  expect(idOf('…')).toBe('rule');
  expect(idOf('x'.repeat(300))).toHaveLength(80);
});

test('an incident says who noticed', () => {
  expect(causeText({ rules: ['declines', 'other'], storm: false })).toBe('rule declines and 1 other');
  expect(causeText({ rules: ['detector.errors'], storm: false })).toBe('detection');
  expect(causeText({ rules: [], storm: true })).toBe('many causes at once');
});
