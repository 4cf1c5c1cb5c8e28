import { describe, expect, it } from 'vitest';
import { amountText, numberText, sampleNote } from './TemplatePanel';

describe('the panel of a template', () => {
  it('writes numbers with the digits that are compared', () => {
    expect([7, 1234567, 0.0149941, 12345.678, -2.5].map(numberText)).toEqual([
      '7',
      '1,234,567',
      '0.01499',
      '12,350',
      '-2.5',
    ]);
  });

  it('writes bytes and seconds in the multiple that reads best', () => {
    expect([0, 512, 1146093568, -2048].map((value) => amountText(value, 'By'))).toEqual([
      '0 B',
      '512 B',
      '1.067 GiB',
      '-2 KiB',
    ]);
    expect([0.0149941, 0.00002, 12.5].map((value) => amountText(value, 's'))).toEqual(['14.99 ms', '20 µs', '12.5 s']);
    expect([amountText(20, 'ms'), amountText(7, '')]).toEqual(['20 ms', '7']);
  });

  it('says what its numbers rest on', () => {
    const all = { records: 12, complete: true, error: 0, unmatched: 1 };
    expect(sampleNote({ count: 12, sample: all })).toBe(
      'From all 12 lines of the result; 1 line of another shape left out.',
    );
    const part = { records: 37053, complete: false, error: 0.00706, unmatched: 0 };
    expect(sampleNote({ count: 73843, sample: part })).toBe(
      'From 37,053 of 73,843 lines, chosen by chance: shares and ranks within 0.7 %.',
    );
  });
});
