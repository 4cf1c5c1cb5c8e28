import { describe, expect, test } from 'vitest';
import type { Row } from '../api/types';
import { parseInstant } from '../time/instant';
import { drillOf } from './drill';

const from = parseInstant('2026-11-22T10:02:00Z') as bigint;
const to = parseInstant('2026-11-22T12:02:00Z') as bigint;
const RANGE = { from, to };
const WHOLE = { from: '2026-11-22T10:02:00Z', to: '2026-11-22T12:02:00Z' };
const at = (clock: string) => `2026-11-22T${clock}:00.000000000Z`;

function behind(q: string, row: Row, range: { from: bigint | null; to: bigint | null } = RANGE) {
  return drillOf(q, range, [row])?.behind(row) ?? null;
}

test('the groups of a row are and-ed to the part before the grouping pipe', () => {
  const q =
    'level>=error "a | b" | where duration_ms > 5 | stats count() as n by service, http.status | sort -n | head 3';
  expect(behind(q, { service: 'cart', 'http.status': 500, n: 7 })).toEqual({
    q: 'level>=error "a | b" service:cart http.status:500 | where duration_ms > 5',
    ...WHOLE,
  });
  expect(behind('* | top 5 service', { service: 'cart', count: 7, share: 0.1 })?.q).toBe('service:cart');
  expect(behind('| rare service, region', { service: 'cart', region: 'eu' })?.q).toBe('service:cart region:eu');
  expect(behind('a | sort -duration_ms | fields service | stats count() by service', { service: 'x' })?.q).toBe(
    'a service:x',
  );
});

test.each([
  ['cart', 'k:cart'],
  ['order desk', 'k:"order desk"'],
  ['say "hi" \\', 'k:"say \\"hi\\" \\\\"'],
  ['200', 'k:"200"'],
  ['not', 'k:"not"'],
  ['now', 'k:"now"'],
  ['a*', 'k:"a*"'],
  ['', 'k:""'],
  [404, 'k:404'],
  [-1.5, 'k:-1.5'],
  [12345678901234567890n, 'k:12345678901234567890'],
  [true, 'k:true'],
  [false, 'k:false'],
  [null, 'not k:*'],
])('a group %s is found by %s', (value, clause) => {
  expect(behind('* | stats count() by k', { k: value })?.q).toBe(clause);
});

test('what a search cannot say leads nowhere', () => {
  for (const value of [1e21, 1e-7, ['a'], { a: 1 }])
    expect(behind('* | stats count() by k', { k: value } as Row)).toBeNull();
});

test('a group that is missing is asked for as missing, and a message as a whole', () => {
  expect(behind('a | stats count() by service', {})?.q).toBe('a not service:*');
  expect(behind('a | stats count() by message', { message: 'pool exhausted' })?.q).toBe('a message="pool exhausted"');
  expect(behind('a | stats count() by `order no`', { 'order no': 'x' })?.q).toBe('a "order no":x');
});

describe('time', () => {
  test('is narrowed to the step, within the range of the answer', () => {
    const q = 'a | stats count() as n by bin(5m), service';
    expect(behind(q, { timestamp: at('10:15'), service: 'cart', n: 1 })).toEqual({
      q: 'a service:cart',
      from: '2026-11-22T10:15:00Z',
      to: '2026-11-22T10:20:00Z',
    });
    expect(behind(q, { timestamp: at('10:00'), service: 'cart' })?.from).toBe('2026-11-22T10:02:00Z');
    expect(behind(q, { timestamp: at('12:00'), service: 'cart' })?.to).toBe('2026-11-22T12:02:00Z');
    expect(behind('a | stats count() by bin(timestamp, 1h30m) as slot', { slot: at('10:30') })).toEqual({
      q: 'a',
      from: '2026-11-22T10:30:00Z',
      to: '2026-11-22T12:00:00Z',
    });
    expect(behind('a | stats count() by timestamp', { timestamp: '2026-11-22T10:15:00.000000001Z' })).toEqual({
      q: 'a',
      from: '2026-11-22T10:15:00.000000001Z',
      to: '2026-11-22T10:15:00.000000002Z',
    });
  });

  test('of a week begins on its Monday', () => {
    const week = { timestamp: '2026-11-16T00:00:00Z' };
    expect(behind('* | stats count() by bin(1w)', week, { from: null, to: null })).toEqual({
      q: '',
      from: '2026-11-16T00:00:00Z',
      to: '2026-11-23T00:00:00Z',
    });
    expect(behind('* | stats count() by bin(1w)', { timestamp: '2026-11-19T00:00:00Z' })).toBeNull();
  });

  test('of a timechart has the span it names, else the one that fits the range', () => {
    const row = { timestamp: at('10:15'), level: 'error', n: 3 };
    expect(behind('a | timechart span=15m count() as n by level', row)).toEqual({
      q: 'a level:error',
      from: '2026-11-22T10:15:00Z',
      to: '2026-11-22T10:30:00Z',
    });
    expect(behind('a | timechart count() as n by level | anomalies', row)?.to).toBe('2026-11-22T10:16:00Z');
    expect(behind('a | timechart count() as n by level', row, { from: null, to })).toBeNull();
  });

  test('alone is where all groups of a step are', () => {
    const row = { timestamp: at('10:15'), level: 'error', n: 3 };
    const drill = drillOf('a | timechart span=15m count() as n by level', RANGE, [row]);
    expect(drill?.columns).toEqual(['timestamp', 'level']);
    expect(drill?.step(row)?.q).toBe('a');
    expect(drillOf('a | stats count() by level', RANGE, [row])?.step(row)).toBeNull();
  });
});

test.each([
  'a',
  'a | stats count()',
  'a | patterns',
  'a | stats count() by lower(service)',
  'a | stats count() by service + "x"',
  'a | stats count() by bin(duration_ms, 10)',
  'a | stats count() by service, bin(observed_timestamp, 5m)',
  'a | extend service = lower(service) | stats count() by service',
  'a | extend timestamp = observed_timestamp | timechart span=5m count() by service',
  'a | parse "from <service> to" | stats count() by service',
  'a | parse /(?P<service>x)/ | top service',
  'a | head 5 | stats count() by service',
  'a | dedup user_id | top service',
  'a | stats count() as n by service | stats sum(n) as n by service | extend service = "x"',
  'a | stats count() as n by service | stats count() by n',
  'a | stats count() as n by service | extend service = "x"',
  'a | stats count() as n by service, level | fields level, n',
  'a | stats count() as n by service | fields - service',
])('no row leads to lines: %s', (q) => {
  expect(behind(q, { service: 'cart', timestamp: at('10:15'), level: 'info', n: 1 })).toBeNull();
});

test('columns that are computed beside the keys stay', () => {
  expect(behind('a | extend slow = duration_ms > 5 | where slow | top service', { service: 'cart' })?.q).toBe(
    'a service:cart | extend slow = duration_ms > 5 | where slow',
  );
  const q = 'a | stats count() as n by service | extend k = n / 2 | fields service, k | where k > 1';
  expect(behind(q, { service: 'cart', k: 2 })?.q).toBe('a service:cart');
});

test('an alternative is grouped first, and what is said already is not said twice', () => {
  expect(behind('a or b | top service', { service: 'cart' })?.q).toBe('(a or b) service:cart');
  expect(behind('"a or b" level:(x or y) | top service', { service: 'cart' })?.q).toBe(
    '"a or b" level:(x or y) service:cart',
  );
  expect(behind('(a)or(b) | top service', { service: 'cart' })?.q).toBe('((a)or(b)) service:cart');
  expect(behind('service:cart a | top service', { service: 'cart' })?.q).toBe('service:cart a');
  expect(behind('not service:cart | top service', { service: 'cart' })?.q).toBe('not service:cart service:cart');
  expect(behind('"x service:cart y" | top service', { service: 'cart' })?.q).toBe('"x service:cart y" service:cart');
});

test('rows that a search cannot tell apart lead nowhere', () => {
  const rows = [{ k: 200 }, { k: '200.0' }, { k: 404 }, { k: 'true' }, { k: true }];
  const drill = drillOf('* | stats count() by k', RANGE, rows);
  expect(rows.map((row) => drill?.behind(row)?.q ?? null)).toEqual([null, null, 'k:404', null, null]);
});
