/** Findings by day and time of day, as read on a wall. */

import type { FindingCount } from '../api/types';
import { instantParts, parseInstant, type Zone } from '../time/instant';
import type { Span } from './laneLayout';

/** The newest so many days of a longer span are shown. */
export const MOST_DAYS = 35;
/** A shorter span is on the lanes alone. */
export const LEAST_MS = 36 * 3_600_000;
/** Of the counts asked for: zones differ from UTC by quarters of an hour. */
export const STEP_S = 900;

export interface CalendarCell extends Span {
  /** Hour of the day at which it begins. */
  hour: number;
  count: number;
  critical: number;
}

export interface CalendarDay {
  /** `2026-11-26`. */
  date: string;
  /** `Thu`. */
  weekday: string;
  cells: CalendarCell[];
}

/** A row for each day of the span, oldest first, with a cell for every `hours` of it. */
export function calendarOf(
  counts: readonly FindingCount[],
  { fromMs, toMs }: Span,
  zone: Zone,
  hours: number,
): CalendarDay[] {
  const days: CalendarDay[] = [];
  for (let day = dayOf(toMs, zone); days.length < MOST_DAYS; day = before(day)) {
    days.unshift(emptyDay(day, zone, hours));
    if (startOf(day, zone) <= fromMs) break;
  }
  const byDate = new Map(days.map((day) => [day.date, day]));
  for (const { from, count, critical } of counts) {
    const { date, time } = instantParts(parseInstant(from) ?? 0n, zone);
    const cell = byDate.get(date)?.cells[Math.floor(Number(time.slice(0, 2)) / hours)];
    if (!cell) continue;
    cell.count += count;
    cell.critical += critical;
  }
  return days;
}

type Day = [year: number, month: number, day: number];

function dayOf(ms: number, zone: Zone): Day {
  const date = new Date(ms);
  return zone === 'utc'
    ? [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()]
    : [date.getFullYear(), date.getMonth(), date.getDate()];
}

function before([year, month, day]: Day): Day {
  return dayOf(Date.UTC(year, month, day - 1), 'utc');
}

/** An hour that a change of clocks skips begins with the next one. */
function startOf([year, month, day]: Day, zone: Zone, hour = 0): number {
  return zone === 'utc' ? Date.UTC(year, month, day, hour) : new Date(year, month, day, hour).getTime();
}

function emptyDay(day: Day, zone: Zone, hours: number): CalendarDay {
  const cells = Array.from({ length: 24 / hours }, (_, index): CalendarCell => {
    const hour = index * hours;
    return { hour, fromMs: startOf(day, zone, hour), toMs: startOf(day, zone, hour + hours), count: 0, critical: 0 };
  });
  const date = new Date(Date.UTC(...day));
  return { date: date.toISOString().slice(0, 10), weekday: WEEKDAYS[date.getUTCDay()] as string, cells };
}

const WEEKDAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
