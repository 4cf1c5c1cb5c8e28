import { expect, test } from 'vitest';
import { boundsOf, MOST_SERIES, nearestSeries, pathOf, seriesOf } from './seriesShape';

const at = (minute: number) => `2026-11-22T10:0${minute}:00.000000000Z`;

test('rows of a timechart become a line for each name', () => {
  const set = seriesOf([
    { timestamp: at(1), level: 'info', n: 5 },
    { timestamp: at(0), level: 'info', n: 3 },
    { timestamp: at(2), level: 'error', n: 100 },
  ]);
  expect(set?.times.map((time) => new Date(time).getUTCMinutes())).toEqual([0, 1, 2]);
  expect(set?.series).toEqual([
    { name: 'error', values: [null, null, 100], rows: [null, null, { timestamp: at(2), level: 'error', n: 100 }] },
    {
      name: 'info',
      values: [3, 5, null],
      rows: [{ timestamp: at(0), level: 'info', n: 3 }, { timestamp: at(1), level: 'info', n: 5 }, null],
    },
  ]);
  expect(set?.levels).toBe(true);
});

test('several numbers are lines of their own, a name that is absent has one too', () => {
  const set = seriesOf([
    { timestamp: at(0), service: 'a', n: 1, p95: 10 },
    { timestamp: at(1), n: 2, p95: 20 },
  ]);
  expect(set?.series.map(({ name }) => name)).toEqual(['(none) · p95', 'a · p95', '(none) · n', 'a · n']);
});

test('what has no times, one time or no number is no chart', () => {
  expect(seriesOf([{ service: 'a', n: 1 }])).toBeNull();
  expect(seriesOf([{ timestamp: at(0), n: 1 }])).toBeNull();
  expect(
    seriesOf([
      { timestamp: at(0), service: 'a' },
      { timestamp: at(1), service: 'b' },
    ]),
  ).toBeNull();
  expect(seriesOf([])).toBeNull();
});

test('the largest are drawn, the others counted', () => {
  const rows = [...Array(20).keys()].flatMap((i) => [0, 1].map((m) => ({ timestamp: at(m), s: `s${i}`, n: i })));
  const set = seriesOf(rows);
  expect(set?.series).toHaveLength(MOST_SERIES);
  expect(set?.series[0]?.name).toBe('s19');
  expect(set?.leftOut).toBe(12);
});

test('a path breaks where a value is absent, and a value alone is a dot', () => {
  const path = pathOf(
    [1, 2, null, 3],
    (place) => place * 10,
    (value) => 100 - value,
  );
  expect(path).toBe('M0 99L10 98M30 97h0');
  expect(boundsOf([{ name: '', values: [-3, null, 8], rows: [] }])).toEqual([-3, 8]);
});

test('a key names a line although it is a number', () => {
  const set = seriesOf(
    [
      { timestamp: at(0), status: 200, n: 5 },
      { timestamp: at(0), status: 500, n: 1 },
      { timestamp: at(1), status: 200, n: 4 },
    ],
    ['timestamp', 'status'],
  );
  expect(set?.series.map(({ name, values }) => [name, values])).toEqual([
    ['200', [5, 4]],
    ['500', [1, null]],
  ]);
});

test('the nearest line is the one within reach that has a value there', () => {
  const lines = [
    { name: 'a', values: [10, 50], rows: [null, null] },
    { name: 'b', values: [12, null], rows: [null, null] },
  ];
  const nearest = (place: number, height: number) => nearestSeries(lines, place, height, (value) => value, 16)?.name;
  expect(nearest(0, 13)).toBe('b');
  expect(nearest(0, 10)).toBe('a');
  expect(nearest(1, 12)).toBeUndefined();
  expect(nearest(1, 60)).toBe('a');
});
