import { cleanup, render } from '@testing-library/react';
import { afterEach, expect, test } from 'vitest';
import type { Line } from '../api/types';
import { LogLine } from './LogLine';

afterEach(cleanup);

function show(change: Partial<Line>) {
  const line: Line = { id: '1', timestamp: '2026-11-22T10:15:30.123456789Z', level: 'warn', message: 'm', ...change };
  return render(<LogLine line={line} zone="utc" withDate />).container;
}

test('level, time, service and message stand in cells of their own', () => {
  const cells = [...show({ service: 'cart' }).querySelectorAll('[role=gridcell]')].map((cell) => cell.textContent);
  expect(cells).toEqual(['Wwarning', '11-22 10:15:30.123', 'cart', 'm']);
});

test('markup in a message stays text', () => {
  const row = show({ message: '<img src=x onerror=alert(1)><script>1</script>', service: '<i>' });
  expect(row.querySelectorAll('img, script, i')).toHaveLength(0);
  expect(row.textContent).toContain('<script>1</script>');
});

test('what is not shown is counted', () => {
  expect(show({ message: 'a\nb\nc' }).textContent).toContain('+2 lines');
  expect(show({ message: 'x'.repeat(5_000) }).textContent).toContain('+4,000 characters');
});

test('a level nobody knows and a time nobody can read are shown as they came', () => {
  const row = show({ level: 'loud', timestamp: 'yesterday' });
  expect(row.textContent).toContain('no level');
  expect(row.textContent).toContain('yesterday');
});
