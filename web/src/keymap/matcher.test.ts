import { expect, test } from 'vitest';
import { BINDINGS, COMMANDS, displayKeys } from './bindings';
import { CHORD_MS, Matcher, type Place, placeOf, type Stroke } from './matcher';

function stroke(key: string, extra: Partial<Stroke> = {}): Stroke {
  return { key, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, timeStamp: 0, ...extra };
}

function pressAll(keys: string[], place: Place = 'page', gapMs = 10): (string | null)[] {
  const matcher = new Matcher();
  return keys.map((key, i) => matcher.press(stroke(key, { timeStamp: i * gapMs }), place, true)?.command ?? null);
}

test('single letters and chords find their commands', () => {
  expect(pressAll(['j'])).toEqual(['lineDown']);
  expect(pressAll(['g', 'e'])).toEqual([null, 'goExplore']);
  expect(pressAll(['g', 'g'])).toEqual([null, 'first']);
  expect(pressAll(['e'])).toEqual(['nextError']);
});

test('a chord left unfinished for too long is forgotten', () => {
  expect(pressAll(['g', 'e'], 'page', CHORD_MS + 1)).toEqual([null, 'nextError']);
  expect(pressAll(['g', 'q', 'e'])).toEqual([null, null, 'nextError']);
});

test('in a text field only keys with Ctrl, and Escape, are ours', () => {
  expect(pressAll(['j', '/', '?', 'Escape'], 'text')).toEqual([null, null, null, 'close']);
  const matcher = new Matcher();
  expect(matcher.press(stroke('Enter', { ctrlKey: true }), 'text', true)?.command).toBe('run');
  expect(matcher.press(stroke('z', { ctrlKey: true }), 'text', true)).toBeNull();
  expect(matcher.press(stroke('Z', { metaKey: true, shiftKey: true }), 'page', true)?.command).toBe('redo');
});

test('a button keeps Enter and the arrows for itself', () => {
  expect(pressAll(['Enter', 'ArrowDown', 'j'], 'control')).toEqual([null, null, 'lineDown']);
});

test('single letters can be switched off', () => {
  const matcher = new Matcher();
  expect(matcher.press(stroke('j'), 'page', false)).toBeNull();
  expect(matcher.press(stroke('k', { ctrlKey: true }), 'page', false)?.command).toBe('palette');
});

test('no two commands share a key', () => {
  const all = COMMANDS.flatMap((command) => [...BINDINGS[command].keys]);
  expect(new Set(all).size).toBe(all.length);
});

test('keys are written as people read them', () => {
  expect(displayKeys('Ctrl+Shift+z')).toBe('Ctrl Shift Z');
  expect(displayKeys('g e')).toBe('g e');
  expect(displayKeys('PageDown')).toBe('PgDn');
});

test('the place of a key press is found', () => {
  document.body.innerHTML = '<input id="a"><input id="b" type="checkbox"><p id="c"></p>';
  const seen: string[] = [];
  document.body.addEventListener('keydown', (event) => seen.push(placeOf(event)));
  for (const id of ['a', 'b', 'c']) {
    document.getElementById(id)?.dispatchEvent(new KeyboardEvent('keydown', { bubbles: true, composed: true }));
  }
  expect(seen).toEqual(['text', 'control', 'page']);
});
