import { expect, test } from 'vitest';
import { canUndo, signal } from './ActionRuns';

test('what changed a target and knows the way back can be undone', () => {
  expect(canUndo({ state: 'kept', undoes: 'scale back' })).toBe(true);
  expect(canUndo({ state: 'watching', undoes: 'scale back' })).toBe(true);
  expect(canUndo({ state: 'kept', undoes: '' })).toBe(false);
  expect(canUndo({ state: 'undone', undoes: 'scale back' })).toBe(false);
  expect(canUndo({ state: 'dry_run', undoes: 'scale back' })).toBe(false);
});

test('the signal is told before and after', () => {
  expect(signal({ baseline: null, measured: null })).toBe('');
  expect(signal({ baseline: 10, measured: null })).toBe(' · signal 10 before, not measured since');
  expect(signal({ baseline: 0.123456, measured: 12 })).toBe(' · signal 0.1235 before, 12 now');
});
