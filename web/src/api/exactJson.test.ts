import { expect, test } from 'vitest';
import { filterClause } from '../query/edit';
import { valueText } from '../ui/format';
import { exactText, parseExact } from './exactJson';

const ID = '12345678901234567890';

test('what a number holds is a number', () => {
  const text = '{"n":9007199254740991,"f":1234567890123456.5,"s":"12345678901234567890","d":[1,-2]}';
  expect(parseExact(text)).toEqual(JSON.parse(text));
});

test('a long integer is written with all its digits, in text and in a filter', () => {
  const line = { id: BigInt(ID), tags: [BigInt(`-${ID}`)] };
  expect(valueText(line.id)).toBe(ID);
  expect(valueText(line.tags)).toContain(`-${ID}`);
  expect(exactText(line)).toContain(ID);
  expect(filterClause('id', line.id)).toBe(`id:${ID}`);
  expect(filterClause('id', -line.id)).toBe(`id:-${ID}`);
});
