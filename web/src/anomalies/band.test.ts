import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bandShape, featureName, featureText } from './band';
import { aFeature } from './fixture';

test('places on the bar keep the order of the numbers and stay on it', () => {
  const number = fc.double({ min: 0, max: 1e9, noNaN: true });
  fc.assert(
    fc.property(number, number, number, (observed, a, b) => {
      const [low, high] = [Math.min(a, b), Math.max(a, b)];
      const shape = bandShape(aFeature({ observed, low, high }));
      if (!shape) throw new Error('three numbers have a shape');
      for (const place of [shape.low, shape.high, shape.observed]) {
        expect(place).toBeGreaterThanOrEqual(0);
        expect(place).toBeLessThanOrEqual(100);
      }
      expect(shape.low).toBeLessThanOrEqual(shape.high);
      expect(shape.where).toBe(observed > high ? 'above' : observed < low ? 'below' : 'within');
      if (shape.where === 'above') expect(shape.observed).toBeGreaterThanOrEqual(shape.high);
      if (shape.where === 'below') expect(shape.observed).toBeLessThanOrEqual(shape.low);
    }),
  );
});

test('nothing at all has a place, and what is not known is not drawn', () => {
  expect(bandShape(aFeature({ observed: 0, low: 0, high: 0 }))).toEqual({
    low: 0,
    high: 0,
    observed: 0,
    where: 'within',
  });
  expect(bandShape(aFeature({ high: null }))).toBeNull();
  expect(featureText(aFeature({ high: null }))).toBe('40, expected 0 to unknown');
});

test('numbers have names, windows and units', () => {
  expect(featureName(aFeature({ name: 'records', window_s: 300 }))).toBe('Records in 5 min');
  expect(featureName(aFeature({ name: 'new_error', window_s: 15 }))).toBe('New problem in 15 s');
  expect(featureName(aFeature({ name: 'mix' }))).toBe('Oddness of the mix');
  expect(featureText(aFeature({ observed: 12_345, low: 3.5, high: 80 }))).toBe('12,345, expected 3.5 to 80');
  expect(featureText(aFeature({ name: 'latency_ms', observed: 812.4, low: 20, high: 31.26 }))).toBe(
    '812 ms, expected 20 to 31.3 ms',
  );
  expect(featureText(aFeature({ name: 'new_error', observed: 3, low: 0, high: 0 }))).toBe('3, expected none');
});
