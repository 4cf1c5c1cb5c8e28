import { expect, test } from 'vitest';
import { rankByMatch } from './matchWords';

test('beginnings of words come first, all words must be there', () => {
  const entries = ['Next error', 'Theme: light', 'Live tail on or off', 'Previous error'];
  const find = (typed: string) => rankByMatch(entries, typed, (text) => text);
  expect(find('')).toEqual(entries);
  expect(find('l')).toEqual(['Live tail on or off', 'Theme: light']);
  expect(find('err prev')).toEqual(['Previous error']);
  expect(find('zebra')).toEqual([]);
});
