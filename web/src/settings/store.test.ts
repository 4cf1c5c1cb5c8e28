import { beforeEach, expect, test } from 'vitest';
import { applySettings, rowHeight, useSettings } from './store';

beforeEach(() => useSettings.setState(useSettings.getInitialState()));

test('a chosen theme is on the page at once', () => {
  const stop = applySettings();
  useSettings.getState().set({ theme: 'light', density: 'touch', contrast: 'more' });
  expect(document.documentElement.dataset).toMatchObject({ theme: 'light', density: 'touch', contrast: 'more' });
  useSettings.getState().set({ theme: 'dark' });
  expect(document.documentElement.dataset.theme).toBe('dark');
  stop();
});

test('history keeps each query once, newest first, and forgets the oldest', () => {
  const { remember } = useSettings.getState();
  for (const query of ['a', 'b', 'a', '', 'a']) remember(query);
  expect(useSettings.getState().history).toEqual(['a', 'b']);
  for (let i = 0; i < 60; i++) remember(`q${i}`);
  expect(useSettings.getState().history).toHaveLength(50);
});

test('rows on a phone are large enough for a thumb', () => {
  expect(rowHeight('compact', true)).toBeGreaterThanOrEqual(44);
  expect(rowHeight('compact', false)).toBe(20);
});
