import { expect, test } from 'vitest';
import type { Line } from '../api/types';
import { KEPT_LINES, TailBuffer } from './tailBuffer';

function lines(from: number, count: number): Line[] {
  return Array.from({ length: count }, (_, i) => ({
    id: String(from + i),
    timestamp: '2026-11-22T10:00:00Z',
    level: 'info',
    message: `line ${from + i}`,
  }));
}

function idAt(buffer: TailBuffer, rank: number): string | undefined {
  const item = buffer.at(rank);
  return item?.kind === 'line' ? item.line.id : item?.kind;
}

test('the newest line has rank 0', () => {
  const buffer = new TailBuffer();
  buffer.add(lines(0, 3));
  expect([idAt(buffer, 0), idAt(buffer, 2), idAt(buffer, 3)]).toEqual(['2', '0', undefined]);
});

test('while paused the screen stands still and new lines are counted', () => {
  const buffer = new TailBuffer();
  buffer.add(lines(0, 3));
  buffer.pause();
  buffer.add(lines(3, 5));
  expect([idAt(buffer, 0), buffer.length, buffer.waiting]).toEqual(['2', 3, 5]);
  buffer.resume();
  expect([idAt(buffer, 0), buffer.length, buffer.waiting]).toEqual(['7', 8, 0]);
});

test('a gap stands where lines are missing', () => {
  const buffer = new TailBuffer();
  buffer.add(lines(0, 1));
  buffer.addGap({ dropped: 12, from: 'a', to: 'b' });
  buffer.add(lines(20, 1));
  expect([0, 1, 2].map((rank) => idAt(buffer, rank))).toEqual(['20', 'gap', '0']);
});

test('memory stays bounded, nothing is lost from the count', () => {
  const buffer = new TailBuffer();
  for (let i = 0; i < 30; i++) buffer.add(lines(i * 1_000, 1_000));
  expect(buffer.length).toBe(KEPT_LINES);
  expect(idAt(buffer, 0)).toBe('29999');
  expect(buffer.received).toBe(30_000);
});
