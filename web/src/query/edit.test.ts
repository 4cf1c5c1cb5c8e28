import { describe, expect, test } from 'vitest';
import { addFilter, linesPart, narrowed, quoteValue, shapeOf, splitPipes } from './edit';

test('pipes are split outside quotes, regular expressions and brackets', () => {
  expect(splitPipes('a "x | y" | stats count() by bin(5m)')).toEqual(['a "x | y"', 'stats count() by bin(5m)']);
  expect(splitPipes('path:/a|b/ | head 5')).toEqual(['path:/a|b/', 'head 5']);
  expect(splitPipes("path:/api/v1 don't | where a == 'x | y' | head 1")).toEqual([
    "path:/api/v1 don't",
    "where a == 'x | y'",
    'head 1',
  ]);
  expect(splitPipes('and/or | top 3 service')).toEqual(['and/or', 'top 3 service']);
  expect(splitPipes('"open \\" | quote')).toEqual(['"open \\" | quote']);
});

test('the shape of an answer is known from its pipes', () => {
  expect(shapeOf('level:error')).toBe('lines');
  expect(shapeOf('level:error | where duration_ms > 5 | fields message')).toBe('lines');
  expect(shapeOf('* | sort duration_ms desc | head 20')).toBe('list');
  expect(shapeOf('* | stats count() as n by service | sort n desc')).toBe('table');
  expect(linesPart('a | where b > 1 | stats count() | head 3')).toBe('a | where b > 1');
});

test.each([
  ['cart', 'cart'],
  ['10.0.0.1', '10.0.0.1'],
  ['card declined', '"card declined"'],
  ['say "hi" \\', '"say \\"hi\\" \\\\"'],
  ['or', '"or"'],
  ['', '""'],
  ['a|b', '"a|b"'],
  [404, '404'],
])('value %j is written %s', (value, expected) => {
  expect(quoteValue(value)).toBe(expected);
});

describe('adding a filter', () => {
  test('goes to the search part, before the pipes', () => {
    expect(addFilter('', 'service', 'cart', 'for')).toBe('service:cart');
    expect(addFilter('*', 'service', 'cart', 'out')).toBe('not service:cart');
    expect(addFilter('level:error | head 5', 'service', 'cart', 'for')).toBe('level:error service:cart | head 5');
  });

  test('groups an alternative first', () => {
    expect(addFilter('a or b', 'service', 'cart', 'for')).toBe('(a or b) service:cart');
    expect(addFilter('"a or b"', 'service', 'cart', 'for')).toBe('"a or b" service:cart');
    expect(addFilter('service:(a or b)', 'level', 'error', 'for')).toBe('service:(a or b) level:error');
  });

  test('twice is once, and the opposite replaces', () => {
    expect(addFilter('service:cart', 'service', 'cart', 'for')).toBe('service:cart');
    expect(addFilter('a not service:cart', 'service', 'cart', 'for')).toBe('a service:cart');
    expect(addFilter('a service:cart', 'service', 'cart', 'out')).toBe('a not service:cart');
    expect(addFilter('a not service:cart', 'service', 'cart', 'out')).toBe('a not service:cart');
  });

  test('only leaves nothing else', () => {
    expect(addFilter('a b | head 5', 'service', 'cart', 'only')).toBe('service:cart');
  });
});

test('narrowing drops what reorders', () => {
  expect(narrowed('a | sort b | head 3', 'level>=error')).toBe('a level>=error');
});

test('a range with ends of two kinds and a name in backquotes do not hide a pipe', () => {
  expect(splitPipes('duration_ms:[1 to 5} | head 1')).toEqual(['duration_ms:[1 to 5}', 'head 1']);
  expect(splitPipes('duration_ms:{1 to 5] | head 1')).toEqual(['duration_ms:{1 to 5]', 'head 1']);
  expect(splitPipes('open {brace | head 1')).toEqual(['open {brace', 'head 1']);
  expect(splitPipes('a | top `x|y` | head 1')).toEqual(['a', 'top `x|y`', 'head 1']);
  expect(splitPipes('a\\|b | head 1')).toEqual(['a\\|b', 'head 1']);
});
