import fc from 'fast-check';
import { expect, test } from 'vitest';
import { calendarOf, MOST_DAYS } from './calendar';

const HOUR = 3_600_000;
const START = Date.parse('2026-11-22T10:00:00Z');

function count(at: string, findings: number, critical = 0) {
  return { from: at, count: findings, critical };
}

test('a day is a row and an hour is a cell, whose counts are added up', () => {
  const counts = [
    count('2026-11-23T07:45:00Z', 2, 1),
    count('2026-11-23T07:00:00Z', 1),
    count('2026-11-23T08:00:00Z', 4),
  ];
  const days = calendarOf(counts, { fromMs: START, toMs: START + 48 * HOUR }, 'utc', 1);
  expect(days.map(({ weekday, date }) => `${weekday} ${date}`)).toEqual([
    'Sun 2026-11-22',
    'Mon 2026-11-23',
    'Tue 2026-11-24',
  ]);
  const cells = days[1]?.cells ?? [];
  expect(cells).toHaveLength(24);
  expect(cells[7]).toEqual({
    hour: 7,
    fromMs: Date.parse('2026-11-23T07:00:00Z'),
    toMs: Date.parse('2026-11-23T08:00:00Z'),
    count: 3,
    critical: 1,
  });
  expect(cells[8]?.count).toBe(4);
});

test('cells of several hours hold what each of their hours has', () => {
  const days = calendarOf([count('2026-11-22T19:59:00Z', 1)], { fromMs: START, toMs: START }, 'utc', 4);
  expect(days[0]?.cells.map((cell) => cell.count)).toEqual([0, 0, 0, 0, 1, 0]);
});

test('whatever the span, days follow each other, end with its last one, and are not too many', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 4e12 }),
      fc.integer({ min: 0, max: 100 * 24 * HOUR }),
      fc.constantFrom<'utc' | 'local'>('utc', 'local'),
      (fromMs, length, zone) => {
        const days = calendarOf([], { fromMs, toMs: fromMs + length }, zone, 1);
        expect(days.length).toBeLessThanOrEqual(MOST_DAYS);
        const cells = days.flatMap((day) => day.cells);
        for (const [index, cell] of cells.entries()) {
          expect(cell.toMs).toBeGreaterThanOrEqual(cell.fromMs);
          if (index > 0) expect(cell.fromMs).toBe(cells[index - 1]?.toMs);
        }
        expect(cells.at(-1)?.toMs).toBeGreaterThan(fromMs + length);
        if (days.length < MOST_DAYS) expect(cells[0]?.fromMs).toBeLessThanOrEqual(fromMs);
      },
    ),
  );
});
