import { expect, test } from 'vitest';
import { waitingNs, watchedOf } from './watched';

test('services, records and time are summed up, and new services are told apart', () => {
  const watched = watchedOf([
    { service: 'web', n: 900, first: '2026-11-22T10:00:00Z', last: '2026-11-22T11:00:00Z' },
    { service: 'cart', n: 12, first: '2026-11-22T10:57:00Z', last: '2026-11-22T11:01:00Z' },
    { service: null, n: 5, first: '2026-11-22T09:00:00Z', last: '2026-11-22T09:00:00Z' },
  ]);
  expect(watched.services.map(({ service }) => service)).toEqual(['cart', 'web']);
  expect([watched.records, watched.spanNs]).toEqual([912, 61n * 60n * 10n ** 9n]);
  expect(watched.learning.map(({ service }) => service)).toEqual(['cart']);
});

test('nothing at all is nothing watched', () => {
  expect(watchedOf([])).toEqual({ services: [], records: 0, spanNs: 0n, first: 0n, last: 0n, learning: [] });
});

test('records that wait to be judged are told apart from judging that follows', () => {
  const row = { service: 'web', n: 900, first: '2026-11-22T10:00:00Z', last: '2026-11-22T11:00:00Z' };
  const watched = watchedOf([row]);
  const hour = 3_600n * 10n ** 9n;
  expect(waitingNs(watched, watched.last - 10n ** 9n)).toBe(0n);
  expect(waitingNs(watched, watched.last + hour)).toBe(0n);
  expect(waitingNs(watched, watched.first)).toBe(hour);
  expect(waitingNs(watched, null)).toBeNull();
});
