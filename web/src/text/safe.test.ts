import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ROW_CHARACTERS, revealInvisible, rowText, safeText, stripAnsi } from './safe';

test('terminal colours, cursor moves and titles are taken out', () => {
  expect(stripAnsi('\u001b[31;1mred\u001b[0m \u001b]0;title\u0007\u001b[2Jend')).toBe('red end');
});

test('characters that reorder or hide text are named', () => {
  expect(revealInvisible('user \u202Enimda\u202C ok')).toBe('user ⟦U+202E⟧nimda⟦U+202C⟧ ok');
  expect(revealInvisible('a\u0000b\u200bc\ufeff')).toBe('a␀b⟦U+200B⟧c⟦U+FEFF⟧');
  expect(revealInvisible('tab\tand\nnewline stay, as do äöü and 日本')).toBe(
    'tab\tand\nnewline stay, as do äöü and 日本',
  );
});

test('joiners stay where they are spelling', () => {
  for (const text of ['👩‍👩‍👧‍👦 🏳️‍🌈 👩🏽‍🔧', 'می\u200cخواهم', 'क्\u200dष']) expect(revealInvisible(text)).toBe(text);
  expect(revealInvisible('ad\u200cmin a\u200d')).toBe('ad⟦U+200C⟧min a⟦U+200D⟧');
  expect(revealInvisible('👩\u200dx')).toBe('👩⟦U+200D⟧x');
});

test('nothing invisible is left in any text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(safeText(text)).not.toMatch(/[\u0000-\u0008\u001b\u202a-\u202e\u2066-\u2069]/);
    }),
  );
});

test('a row shows the first line and says how much follows', () => {
  expect(rowText('java.lang.Boom\n\tat a\n\tat b\n')).toEqual({ text: 'java.lang.Boom', moreLines: 2, cut: 0 });
  expect(rowText('short')).toEqual({ text: 'short', moreLines: 0, cut: 0 });
});

test('a line of a megabyte costs a row only its beginning', () => {
  const row = rowText('x'.repeat(1_000_000));
  expect(row.text).toHaveLength(ROW_CHARACTERS);
  expect(row.cut).toBe(1_000_000 - ROW_CHARACTERS);
});
