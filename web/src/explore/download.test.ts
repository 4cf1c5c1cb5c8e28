import { expect, test } from 'vitest';
import { csvText, fileText } from './download';

test('csv has a column for every field, and quotes what it must', () => {
  const rows = [
    { level: 'error', message: 'said "no", twice\nand left' },
    { level: 'info', n: -3, tags: ['a', 'b'], message: '=1+1' },
  ];
  expect(csvText(rows)).toBe(
    'level,message,n,tags\r\nerror,"said ""no"", twice\nand left",,\r\ninfo,\'=1+1,-3,"[""a"",""b""]"\r\n',
  );
});

test('nothing is a header without names', () => {
  expect(csvText([])).toBe('\r\n');
});

test('lines of JSON keep types', () => {
  expect(fileText([{ n: 1, at: null }, { a: { b: [1] } }], 'ndjson')).toBe('{"n":1,"at":null}\n{"a":{"b":[1]}}\n');
});
