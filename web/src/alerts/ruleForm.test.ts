import { expect, test } from 'vitest';
import { blankRule, readyRule } from './ruleForm';

test('a new rule gets an id that nobody has', () => {
  const rule = { ...blankRule('level:error'), name: 'Many errors' };
  expect(readyRule(rule, []).id).toBe('many-errors');
  expect(readyRule(rule, [{ ...rule, id: 'many-errors' }]).id).toBe('many-errors-2');
  expect(readyRule({ ...rule, id: 'kept' }, []).id).toBe('kept');
});

test('only what the kind reads is sent', () => {
  const rule = { ...blankRule('level:error'), name: 'x', threshold: 9, group_by: [], description: '', source: 'api' };
  expect(readyRule({ ...rule, kind: 'absence' }, [])).toEqual({
    id: 'x',
    name: 'x',
    severity: 'P2',
    kind: 'absence',
    condition: 'level:error',
    window: '5m',
  });
});
