/** Instants as nanoseconds since 1970 UTC (bigint), and their RFC 3339 text. */

const RFC3339 =
  /^(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9})\d*)?)?\s*(Z|z|[+-]\d{2}:?\d{2})?$/;
const DATE_ONLY = /^\d{4}-\d{2}-\d{2}$/;

export const SECOND_NS = 1_000_000_000n;
export const MINUTE_NS = 60n * SECOND_NS;
export const HOUR_NS = 60n * MINUTE_NS;
export const DAY_NS = 24n * HOUR_NS;

export type Zone = 'local' | 'utc';

/** Reads RFC 3339 (a missing offset means `zone`) or an epoch in s, ms, µs or ns told apart by size; null if neither. */
export function parseInstant(text: string, zone: Zone = 'utc'): bigint | null {
  const trimmed = text.trim();
  if (/^-?\d{9,20}$/.test(trimmed)) return epochToNs(BigInt(trimmed));
  const full = DATE_ONLY.test(trimmed) ? `${trimmed}T00:00:00` : trimmed;
  const match = RFC3339.exec(full);
  if (!match) return null;
  const [, year, month, day, hour, minute, second = '0', fraction = '', offset] = match;
  const numbers = [year, month, day, hour, minute, second].map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const [, mo, d, h, mi, s] = numbers;
  if (mo < 1 || mo > 12 || d < 1 || d > 31 || h > 23 || mi > 59 || s > 60) return null;
  const ms = offset === undefined && zone === 'local' ? localMs(numbers) : utcMs(numbers);
  if (new Date(utcMs(numbers)).getUTCDate() !== d && s !== 60) return null;
  return BigInt(ms) * 1_000_000n + BigInt(fraction.padEnd(9, '0') || '0') - offsetNs(offset);
}

function utcMs([y, mo, d, h, mi, s]: [number, number, number, number, number, number]): number {
  const date = new Date(0);
  date.setUTCFullYear(y, mo - 1, d);
  date.setUTCHours(h, mi, s, 0);
  return date.getTime();
}

function localMs([y, mo, d, h, mi, s]: [number, number, number, number, number, number]): number {
  const date = new Date(2000, 0, 1);
  date.setFullYear(y, mo - 1, d);
  date.setHours(h, mi, s, 0);
  return date.getTime();
}

function offsetNs(offset: string | undefined): bigint {
  if (offset === undefined || offset === 'Z' || offset === 'z') return 0n;
  const sign = offset.startsWith('-') ? -1n : 1n;
  const digits = offset.slice(1).replace(':', '');
  return sign * (BigInt(digits.slice(0, 2)) * HOUR_NS + BigInt(digits.slice(2)) * MINUTE_NS);
}

function epochToNs(value: bigint): bigint {
  const size = value < 0n ? -value : value;
  if (size < 100_000_000_000n) return value * 1_000_000_000n;
  if (size < 100_000_000_000_000n) return value * 1_000_000n;
  if (size < 100_000_000_000_000_000n) return value * 1_000n;
  return value;
}

/** RFC 3339 in UTC with as many fraction digits as needed: none, 3, 6 or 9. */
export function formatInstant(ns: bigint): string {
  const { date, fraction } = split(ns);
  return `${date.toISOString().slice(0, 19)}${trimFraction(fraction)}Z`;
}

function trimFraction(fraction: string): string {
  if (fraction === '000000000') return '';
  if (fraction.endsWith('000000')) return `.${fraction.slice(0, 3)}`;
  if (fraction.endsWith('000')) return `.${fraction.slice(0, 6)}`;
  return `.${fraction}`;
}

function split(ns: bigint): { date: Date; fraction: string } {
  let seconds = ns / SECOND_NS;
  let rest = ns % SECOND_NS;
  if (rest < 0n) {
    seconds -= 1n;
    rest += SECOND_NS;
  }
  return { date: new Date(Number(seconds) * 1000), fraction: rest.toString().padStart(9, '0') };
}

export interface InstantParts {
  date: string;
  time: string;
  fraction: string;
}

/** Date, time of day and the nine digits after the second, as read on a wall in `zone`. */
export function instantParts(ns: bigint, zone: Zone): InstantParts {
  const { date, fraction } = split(ns);
  const two = (n: number) => String(n).padStart(2, '0');
  if (zone === 'utc') {
    const iso = date.toISOString();
    const start = iso.indexOf('T');
    return { date: iso.slice(0, start), time: iso.slice(start + 1, start + 9), fraction };
  }
  return {
    date: `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`,
    time: `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`,
    fraction,
  };
}

/** `2026-11-22 10:15:30.123` for people; `digits` after the second. */
export function displayInstant(ns: bigint, zone: Zone, digits = 3): string {
  const parts = instantParts(ns, zone);
  return `${parts.date} ${parts.time}${digits > 0 ? `.${parts.fraction.slice(0, digits)}` : ''}`;
}

export function nowNs(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}
