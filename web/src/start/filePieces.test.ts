import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodingOf, isBinary, splitAtLines, typeOf } from './filePieces';

async function pieces(text: string, size: number, name = 'app.log'): Promise<string[]> {
  const out: string[] = [];
  for await (const piece of splitAtLines(new File([text], name), size)) out.push(await piece.text());
  return out;
}

test('pieces end at line ends and together are the file', async () => {
  expect(await pieces('aa\nbb\ncc\ndd', 7)).toEqual(['aa\nbb\n', 'cc\ndd']);
  const lines = fc.array(fc.stringMatching(/^[a-z]{1,6}$/), { minLength: 1, maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(lines, async (words) => {
      const text = words.join('\n');
      const cut = await pieces(text, 16);
      expect(cut.join('')).toBe(text);
      for (const piece of cut.slice(0, -1)) expect(piece.endsWith('\n')).toBe(true);
    }),
  );
});

test('a line longer than a piece is not waited for', async () => {
  expect((await pieces('x'.repeat(30), 16)).join('')).toBe('x'.repeat(30));
});

test('compressed files and JSON documents stay whole', async () => {
  expect(await pieces('a\nb\nc\n', 2, 'app.log.gz')).toHaveLength(1);
  expect(await pieces('[\n1,\n2]', 2, 'app.json')).toHaveLength(1);
  expect(await pieces('time,msg\n1,a\n', 2, 'app.csv')).toHaveLength(1);
});

test('name endings say what a file is', () => {
  expect([encodingOf('a.log.gz'), encodingOf('a.jsonl.zst'), encodingOf('a.log')]).toEqual(['gzip', 'zstd', undefined]);
  expect([typeOf('a.jsonl.gz'), typeOf('a.json'), typeOf('access.log')]).toEqual([
    'application/x-ndjson',
    'application/json',
    'text/plain',
  ]);
});

test('programs and pictures are no text, coloured lines and holes are', async () => {
  const file = (bytes: number[], name = 'a') => new File([new Uint8Array(bytes)], name);
  const all = [...Array(256).keys()];
  expect(await isBinary(file(all))).toBe(true);
  expect(await isBinary(file(all, 'a.gz'))).toBe(false);
  expect(await isBinary(new File(['\u001b[31mERROR\u001b[0m caf\u00e9 \u{1f389}\r\n\tat x'], 'a.log'))).toBe(false);
  expect(await isBinary(file([...Array(500).fill(0), 65, 10]))).toBe(false);
});
