import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { QUERY_EXAMPLES } from '../shell/queryExamples';
import { parser } from './generated/parser.js';
import { toCodePoints, toUnits } from './positions';

function tree(query: string): string {
  return parser.parse(query).toString().replaceAll('(Word)', '');
}

test('fields, values, pipes and functions are told apart', () => {
  expect(tree('service:payment level>=error "card declined"')).toBe(
    'Query(Filter(Field,Op,Value),Filter(Field,Op,Value),String)',
  );
  expect(tree('* | stats count() as n by bin(5m) | head 5')).toMatch(
    /^Query\(.*Pipe\("\|",PipeName,Call\(Function,Arguments.*Keyword/,
  );
  expect(tree('message:/a|b/')).toBe('Query(Filter(Field,Op,Regex))');
});

test.each(QUERY_EXAMPLES.map(({ query }) => query))('the example %j has no error in its tree', (query) => {
  expect(tree(query)).not.toContain('⚠');
});

test('any text at all gets a tree', () => {
  fc.assert(fc.property(fc.string({ unit: 'grapheme' }), (text) => void tree(text)));
});

test('positions survive the way between code points and units', () => {
  expect(toCodePoints('a😀b', 3)).toBe(2);
  expect(toUnits('a😀b', 2)).toBe(3);
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.nat(20), (text, points) => {
      const most = Math.min(points, [...text].length);
      expect(toCodePoints(text, toUnits(text, most))).toBe(most);
    }),
  );
});

/** The corpus that the node's own parser is tested with. */
const CORPUS = JSON.parse(readFileSync('../tests/golden/hql_corpus.json', 'utf8')) as { text: string; ok: boolean }[];

test('what the node accepts has no error in its tree', () => {
  const accepted = CORPUS.filter(({ ok }) => ok).map(({ text }) => text);
  expect(accepted.length).toBeGreaterThan(50);
  expect(accepted.filter((text) => tree(text).includes('⚠'))).toEqual([]);
});
