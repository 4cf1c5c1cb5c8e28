import { expect, test } from 'vitest';
import { aFinding } from './fixture';
import { KINDS, kindSign } from './kinds';
import { confidenceText, effectText, headline, rarityText } from './words';

test('the message that is shown below is not said twice', () => {
  const long = `x${' y'.repeat(200)}`;
  const shown = long.slice(0, 159);
  expect(headline(aFinding({ statement: 'a new one: card  refused', examples: ['card  refused'] }))).toContain('card');
  expect(headline(aFinding({ statement: 'a new one: card refused', examples: ['card\n refused '] }))).toBe('a new one');
  expect(headline(aFinding({ statement: `a new one: ${shown}…`, examples: [long] }))).toBe('a new one');
  expect(headline(aFinding({ statement: 'silent', examples: [] }))).toBe('silent');
});

test('how sure and how rare is said without rounding up', () => {
  expect(confidenceText(aFinding({ confidence: 0.9999, watched_s: 7_200 }))).toBe('confidence 99 %, watched for 2 h');
  expect([0, 2.5, 4.51, 40].map(rarityText)).toEqual([
    'as rare as 1 step in 1',
    'as rare as 1 step in 320',
    'as rare as 1 step in 32,000',
    'rarer than 1 step in a million',
  ]);
});

test('a verdict says what it changed', () => {
  const said = { finding: 'f', verdict: 'noise', muted: false, extra_evidence: 2 } as const;
  expect(effectText(said, 'pay')).toContain('100 times rarer');
  expect(effectText({ ...said, extra_evidence: -0.5 }, 'pay')).toContain('sooner');
  expect(effectText({ ...said, muted: true, extra_evidence: null }, 'pay')).toContain('Muted');
});

test('every kind has a word and a shape of its own, and an unknown one is shown by its name', () => {
  expect(new Set(KINDS.map((kind) => kindSign(kind).shape)).size).toBe(KINDS.length);
  expect(new Set(KINDS.map((kind) => kindSign(kind).word)).size).toBe(KINDS.length);
  expect(kindSign('disk_full').word).toBe('disk full');
});
