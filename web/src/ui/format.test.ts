import { expect, test } from 'vitest';
import { count, milliseconds, plural, shortCount, valueText } from './format';

test('counts have separators, axes are short', () => {
  expect(count(1_234_567)).toBe('1,234,567');
  expect([shortCount(9_999), shortCount(12_345), shortCount(3_400_000)]).toEqual(['9,999', '12.3K', '3.4M']);
  expect([plural(1, 'line'), plural(0, 'line'), plural(2, 'query', 'queries')]).toEqual([
    '1 line',
    '0 lines',
    '2 queries',
  ]);
});

test('durations and values are words', () => {
  expect([milliseconds(0.2), milliseconds(38.4), milliseconds(1_500)]).toEqual(['< 1 ms', '38 ms', '1.5 s']);
  expect([valueText(null), valueText(5), valueText({ a: [1] })]).toEqual(['', '5', '{"a":[1]}']);
});
