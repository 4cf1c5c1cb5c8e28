import { expect, test } from 'vitest';
import { readVariables } from './variables';

test('variables are an object or nothing', () => {
  expect(readVariables('  ')).toEqual({});
  expect(readVariables('{"q": "level:error"}')).toEqual({ value: { q: 'level:error' } });
  for (const text of ['[1]', 'null', '1']) expect(readVariables(text).problem).toContain('JSON object');
  expect(readVariables('{"q"').problem).toContain('no JSON');
});
