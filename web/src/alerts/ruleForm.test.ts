import { expect, test } from 'vitest';
import type { Rule } from '../api/types';
import { formOf, freshId, isRuleKind, NEW_RULE, newForm, RULE_KINDS, ruleOf, ruleText } from './ruleForm';

const RULES: Rule[] = [
  {
    id: 'a',
    name: 'A',
    kind: 'threshold',
    severity: 'P1',
    condition: 'x',
    threshold: 3,
    distinct: 'user_id',
    window: '1m',
  },
  {
    id: 'b',
    name: 'B',
    kind: 'ratio',
    severity: 'P3',
    condition: 'x',
    of: 'y',
    ratio: 0.0125,
    min_count: 7,
    window: '2m',
  },
  {
    id: 'c',
    name: 'C',
    kind: 'absence',
    severity: 'P2',
    condition: 'x',
    window: '1h',
    group_by: ['service', 'region'],
  },
  { id: 'd', name: 'D', kind: 'new_template', severity: 'P2', condition: 'x', learn: '2h', enabled: false },
  { id: 'e', name: 'E', kind: 'sequence', severity: 'P2', steps: ['x', 'y'], absent_last: true, window: '1m' },
  { id: 'f', name: 'F', kind: 'join', severity: 'P2', steps: ['x', 'y'], window: '1m', tags: ['t'], author: 'ann' },
  {
    id: 'g',
    name: 'G',
    kind: 'scheduled',
    severity: 'P2',
    condition: '* | stats count() as n',
    threshold: 1,
    every: '1m',
  },
];

test('a rule that is edited and left as it is stays the same', () => {
  for (const rule of RULES) expect(ruleOf(formOf(rule), rule.id, rule)).toEqual(rule);
  expect(RULES.map(({ kind }) => kind)).toEqual(Object.keys(RULE_KINDS));
  expect(isRuleKind('toString')).toBe(false);
});

test('only what the kind reads is sent', () => {
  const rule = ruleOf({ ...NEW_RULE, name: ' N ', kind: 'absence', condition: ' service:mail ', groupBy: ' ' }, 'n');
  expect(rule).toEqual({
    id: 'n',
    name: 'N',
    kind: 'absence',
    severity: 'P2',
    condition: 'service:mail',
    window: '5m',
  });
});

test('a query with pipes becomes a scheduled rule', () => {
  expect(newForm('level>=error').kind).toBe('threshold');
  expect(newForm('* | stats count() as n | where n == 0')).toMatchObject({ kind: 'scheduled', threshold: '1' });
});

test('an id is made of the name and is free', () => {
  expect(freshId('Many declined cards!', [])).toBe('many-declined-cards');
  expect(freshId('Ünglück', ['u-ngluck', 'rule'])).not.toBe('');
  expect(freshId('☂', ['rule'])).toBe('rule-2');
});

test('a rule says what it tells of', () => {
  expect(RULES.map(ruleText)).toEqual([
    '3 or more values of user_id in x within 1m',
    'x is 1.25 % or more of y within 2m',
    'nothing of x for 1h, for each service, region',
    'a kind of message never seen in x',
    'x, without then y within 1m',
    'x and y within 1m',
    '* | stats count() as n, every 1m',
  ]);
});
