import { act, cleanup, fireEvent, render, screen } from '@testing-library/react';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Envelope, Row } from '../api/types';
import { Pages } from './pages';
import { makeRun } from './run';
import { StatusLine } from './StatusLine';
import type { Result } from './useResult';

beforeEach(() => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
afterEach(() => {
  cleanup();
  vi.useRealTimers();
});

const ENVELOPE: Envelope<Row[]> = {
  data: [],
  exact: true,
  error: null,
  scanned_rows: 5_000,
  tiers: ['hot', 'cold'],
  took_ms: 38.2,
  partial: false,
  next: null,
  query_id: 'q',
};

function result(change: Partial<Result> = {}, envelope: Partial<Envelope<Row[]>> = {}): Result {
  const run = makeRun('* | stats count()', { from: '-1h', to: 'now' }, 0n);
  const shown = { run, pages: new Pages(async () => []), total: 1_234, envelope: { ...ENVELOPE, ...envelope } };
  return { shown, chart: null, phase: 'ready', error: null, startedAt: performance.now(), ...change };
}

test('says how many, how sure, how much was read, how long and where', () => {
  const { container } = render(<StatusLine result={result()} live={false} />);
  const parts = [...container.querySelectorAll('.status-parts > span')].map((part) => part.textContent);
  expect(parts).toEqual(['1,234 rows', 'exact', '5,000 scanned', '38 ms', 'hot + cold']);
});

test('an estimate carries its bound, a cut answer says so', () => {
  render(<StatusLine result={result({}, { exact: false, error: 12, partial: true })} live={false} />);
  expect(screen.getByText('± 12')).toBeTruthy();
  expect(screen.getByText('cut short by a limit')).toBeTruthy();
});

test('what is similar says what was compared', () => {
  render(<StatusLine result={result({}, { compared_by: ['words', 'meaning'] })} live={false} />);
  expect(screen.getByText('compared by words and meaning')).toBeTruthy();
});

test('a query can be cancelled once it takes longer than 300 ms', () => {
  const cancel = vi.fn();
  render(<StatusLine result={result({ phase: 'loading', cancel })} live={false} />);
  expect(screen.queryByRole('button')).toBeNull();
  act(() => void vi.advanceTimersByTime(301));
  fireEvent.click(screen.getByRole('button', { name: 'Cancel' }));
  expect(cancel).toHaveBeenCalledOnce();
});
