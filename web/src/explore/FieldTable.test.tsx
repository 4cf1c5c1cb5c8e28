import { cleanup, fireEvent, render, screen } from '@testing-library/react';
import { afterEach, expect, test, vi } from 'vitest';
import type { Line } from '../api/types';
import { FieldTable, fieldNames } from './FieldTable';

const LINE: Line = {
  id: '1',
  timestamp: '2026-11-22T10:00:00Z',
  message: 'm',
  zebra: '<b>bold</b>',
  level: 'error',
  'http.status_code': 500,
  exc_info: 'Traceback\n  File "a.py"',
};

afterEach(cleanup);

test('known fields come first, the message is not among them', () => {
  expect(fieldNames(LINE)).toEqual(['level', 'exc_info', 'http.status_code', 'id', 'zebra']);
});

test('a value filters with its own type, markup is text', () => {
  const onFilter = vi.fn();
  const { container } = render(<FieldTable line={LINE} onFilter={onFilter} />);
  fireEvent.click(screen.getByRole('button', { name: 'Filter for http.status_code' }));
  expect(onFilter).toHaveBeenCalledWith('http.status_code', 500, 'for');
  expect(container.querySelector('b')).toBeNull();
  expect(screen.getByText('<b>bold</b>')).toBeTruthy();
});

test('a value of several lines has the whole width', () => {
  const { container } = render(<FieldTable line={LINE} onFilter={() => {}} />);
  expect(container.querySelector('.field-block')?.textContent).toBe('Traceback\n  File "a.py"');
});

test('of many fields those are shown whose name or value holds what is sought', () => {
  const many = Object.fromEntries([...Array(30).keys()].map((i) => [`field_${i}`, `value ${i * 2}`]));
  render(<FieldTable line={{ ...LINE, ...many }} onFilter={() => {}} />);
  const box = screen.getByRole('searchbox', { name: 'Find a field' });
  fireEvent.change(box, { target: { value: ' LUE 5' } });
  expect(screen.getAllByRole('rowheader').map((head) => head.textContent)).toEqual([
    'field_25',
    'field_26',
    'field_27',
    'field_28',
    'field_29',
  ]);
  fireEvent.change(box, { target: { value: 'zebra' } });
  expect(screen.getAllByRole('rowheader')).toHaveLength(1);
});

test('few fields need no search', () => {
  render(<FieldTable line={LINE} onFilter={() => {}} />);
  expect(screen.queryByRole('searchbox')).toBeNull();
});
