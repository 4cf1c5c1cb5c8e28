import { expect, test } from 'vitest';
import { parseInstant } from '../time/instant';
import { DEFAULT_STATE } from '../url';
import { linkTo } from './Share';

const at = (text: string) => parseInstant(text) as bigint;
const asked = { from: at('2026-11-22T10:00:00Z'), to: at('2026-11-22T10:15:00Z') };
const params = (link: string) => Object.fromEntries(new URL(link).searchParams);

test('a frozen link has the range of the lines on screen, however long ago they were asked for', () => {
  expect(params(linkTo(DEFAULT_STATE, true, asked))).toEqual({
    from: '2026-11-22T10:00:00Z',
    to: '2026-11-22T10:15:00Z',
  });
  expect(params(linkTo(DEFAULT_STATE, false, asked))).toEqual({});
});

test('all time ends now in a frozen link', () => {
  const link = params(linkTo({ ...DEFAULT_STATE, from: 'all' }, true, { from: null, to: null }));
  expect(link.from).toBe('all');
  expect(at(link.to as string)).toBeGreaterThan(at('2026-01-01'));
});
