import { expect, test } from 'vitest';
import { nextSort, sorted } from './rowSort';

const ROWS = [{ service: 'b', n: 2 }, { service: 'a10' }, { service: 'a9', n: 30 }, { service: 'c', n: 2 }];

test('numbers begin with the largest, absent ones come last, equal ones stay', () => {
  const down = nextSort(null, 'n', ROWS);
  expect(sorted(ROWS, down).map((row) => row.service)).toEqual(['a9', 'b', 'c', 'a10']);
  const up = nextSort(down, 'n', ROWS);
  expect(sorted(ROWS, up).map((row) => row.service)).toEqual(['b', 'c', 'a9', 'a10']);
  expect(nextSort(up, 'n', ROWS)).toBeNull();
});

test('text begins with its beginning, numbers in it by their size', () => {
  const up = nextSort({ column: 'n', descending: true }, 'service', ROWS);
  expect(sorted(ROWS, up).map((row) => row.service)).toEqual(['a9', 'a10', 'b', 'c']);
});
