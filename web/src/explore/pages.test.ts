import { expect, test } from 'vitest';
import type { Row } from '../api/types';
import { PAGE_ROWS, Pages } from './pages';

function rowsFrom(rank: number, limit: number): Row[] {
  return Array.from({ length: limit }, (_, i) => ({ rank: rank + i }));
}

test('any row of the result can be asked for by its rank', async () => {
  const pages = new Pages(async (rank, limit) => rowsFrom(rank, limit));
  expect(await pages.row(999_999_999)).toEqual({ rank: 999_999_999 });
  expect(pages.at(0)).toBeUndefined();
});

test('a loaded line is found by its id', () => {
  const pages = new Pages(async () => []);
  const lines = (ids: string[]) => ids.map((id) => ({ id, timestamp: '', message: '' }) as unknown as Row);
  pages.put(0, lines(['a', 'b']));
  pages.put(1, lines(['c', 'd']));
  expect(pages.rankOf('d')).toBe(PAGE_ROWS + 1);
  expect(pages.rankOf('e')).toBe(-1);
});

test('rows in view are loaded by whole pages, once', async () => {
  const asked: number[] = [];
  const pages = new Pages(async (rank, limit) => {
    asked.push(rank);
    return rowsFrom(rank, limit);
  });
  await Promise.all([pages.show(190, 230), pages.show(195, 235)]);
  await pages.show(200, 240);
  expect(asked).toEqual([0, PAGE_ROWS]);
});

test('pages scrolled past are not waited for', async () => {
  const aborted: number[] = [];
  const pages = new Pages(
    (rank, _limit, signal) =>
      new Promise((resolve, reject) => {
        signal.addEventListener('abort', () => {
          aborted.push(rank);
          reject(new DOMException('stop', 'AbortError'));
        });
        if (rank > 0) resolve([]);
      }),
  );
  void pages.show(0, 50);
  await pages.show(10_000, 10_050);
  expect(aborted).toEqual([0]);
  expect(pages.failureAt(0)).toBeUndefined();
});

test('memory is bounded: the oldest pages go first', async () => {
  const pages = new Pages(async (rank, limit) => rowsFrom(rank, limit));
  for (let page = 0; page < 70; page++) await pages.row(page * PAGE_ROWS);
  expect(pages.at(0)).toBeUndefined();
  expect(pages.at(69 * PAGE_ROWS)).toBeDefined();
});

test('a page that fails is named, and asked for again later', async () => {
  let broken = true;
  const pages = new Pages(async (rank, limit) => {
    if (broken) throw new Error('tier down');
    return rowsFrom(rank, limit);
  });
  await pages.show(0, 10);
  expect(pages.failureAt(5)).toEqual(new Error('tier down'));
  broken = false;
  pages.retry();
  await pages.show(0, 10);
  expect(pages.at(5)).toEqual({ rank: 5 });
});
