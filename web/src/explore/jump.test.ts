import { expect, test } from 'vitest';
import { parseInstant } from '../time/instant';
import { jumpTarget } from './JumpDialog';

const TODAY = new Date('2026-11-22T12:00:00Z');

test('digits are a row, kept inside the result', () => {
  expect(jumpTarget('1', 'utc', 500)).toEqual({ rank: 0 });
  expect(jumpTarget('125,000', 'utc', 1_000_000)).toEqual({ rank: 124_999 });
  expect(jumpTarget('9999', 'utc', 500)).toEqual({ rank: 499 });
  expect(jumpTarget('5', 'utc', 0)).toBeNull();
});

test('a clock time is today, a date is itself', () => {
  expect(jumpTarget('9:05', 'utc', 5, TODAY)).toEqual({ instant: parseInstant('2026-11-22T09:05:00Z') });
  expect(jumpTarget('2026-11-20 10:15:30', 'utc', 5)).toEqual({ instant: parseInstant('2026-11-20T10:15:30Z') });
  expect(jumpTarget('1795342530000', 'utc', 5)).toEqual({ instant: 1_795_342_530_000_000_000n });
  expect(jumpTarget('noon', 'utc', 5)).toBeNull();
});
