import fc from 'fast-check';
import { expect, test } from 'vitest';
import { aFinding } from './fixture';
import { detectedMs, lanesOf, marksOf } from './laneLayout';

const START = Date.parse('2026-11-22T10:00:00Z');
const SPAN = { fromMs: START, toMs: START + 3_600_000 };

function at(seconds: number, id: string, state = 'degraded') {
  return aFinding({ id, state, detected: new Date(START + seconds * 1_000).toISOString() });
}

test('the worst service comes first, quiet ones follow by name, and what is left out is counted', () => {
  const findings = [
    aFinding({ id: '1', service: 'cart' }),
    aFinding({ id: '2', service: 'cart' }),
    aFinding({ id: '3', service: 'pay', state: 'critical' }),
  ];
  const { lanes, more } = lanesOf(findings, ['web', 'pay', 'auth', 'search'], 4);
  expect(lanes.map(({ service }) => service)).toEqual(['pay', 'cart', 'auth', 'search']);
  expect(lanes.map((lane) => lane.findings.length)).toEqual([1, 2, 0, 0]);
  expect(more).toBe(1);
});

test('a service with findings has its lane even if its records are not counted', () => {
  expect(lanesOf([aFinding({ service: 'gone' })], []).lanes.map(({ service }) => service)).toEqual(['gone']);
});

test('findings near one another share a mark that looks like the critical one', () => {
  const marks = marksOf([at(1_805, 'c'), at(1_802, 'b', 'critical'), at(1_800, 'a'), at(60, 'z')], SPAN, 600, 24);
  expect(marks.map(({ findings }) => findings.map(({ id }) => id))).toEqual([['z'], ['c', 'b', 'a']]);
  expect(marks[1]?.shown.id).toBe('b');
  expect(marks[1]?.x).toBe(300);
});

test('a finding at the very end of the span has its mark, whatever the width', () => {
  // 3,600,000 ms × (122 px / 3,600,000 ms) is a little more than 122 px
  expect(marksOf([at(3_600, 'last')], SPAN, 122, 24)).toHaveLength(1);
});

test('every finding inside the span is on exactly one mark, and no two marks begin nearer than asked', () => {
  const seconds = fc.uniqueArray(fc.integer({ min: -600, max: 4_200 }), { maxLength: 60 });
  fc.assert(
    fc.property(seconds, fc.integer({ min: 120, max: 1_400 }), (times, width) => {
      const findings = times.map((time) => at(time, String(time)));
      const marks = marksOf(findings, SPAN, width, 24);
      const inside = findings.filter((one) => detectedMs(one) >= SPAN.fromMs && detectedMs(one) <= SPAN.toMs);
      const shown = marks.flatMap((mark) => mark.findings);
      expect(shown.map(({ id }) => id).sort()).toEqual(inside.map(({ id }) => id).sort());
      for (const { x } of marks) {
        expect(x).toBeGreaterThanOrEqual(12);
        expect(x).toBeLessThanOrEqual(width - 12);
      }
      for (const [i, mark] of marks.slice(2, -1).entries()) {
        expect(mark.x - (marks[i + 1]?.x ?? 0)).toBeGreaterThanOrEqual(24 - 1e-6);
      }
    }),
  );
});
