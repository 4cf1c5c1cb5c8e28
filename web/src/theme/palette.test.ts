import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ciede2000, contrast, parseHex, type Rgb, type Sight, seenBy, toLab } from './color';

const CSS = readFileSync('src/theme/tokens.css', 'utf8');
const SURFACES = ['bg', 'surface', 'selected'];
const LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace'];
const SIGHTS: Sight[] = ['normal', 'protan', 'deutan', 'tritan'];

function tokens(theme: string): Map<string, Rgb> {
  const block = CSS.split(`:root[data-theme="${theme}"] {`)[1]?.split('}')[0] ?? '';
  return new Map(
    [...block.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map((m) => [m[1] as string, parseHex(m[2] as string)]),
  );
}

describe.each(['dark', 'light'])('%s', (theme) => {
  const token = tokens(theme);
  const get = (name: string) => token.get(name) as Rgb;

  test('every level is readable on every surface', () => {
    for (const level of [...LEVELS, 'unset']) {
      for (const surface of SURFACES) {
        expect(contrast(get(`level-${level}`), get(surface)), `${level} on ${surface}`).toBeGreaterThanOrEqual(4.5);
      }
    }
  });

  test('text, muted text, accent and controls keep their distance', () => {
    for (const surface of SURFACES) {
      for (const name of ['text', 'muted', 'accent', 'ok']) {
        expect(contrast(get(name), get(surface)), `${name} on ${surface}`).toBeGreaterThanOrEqual(4.5);
      }
      expect(contrast(get('control'), get(surface)), `control on ${surface}`).toBeGreaterThanOrEqual(3);
    }
    expect(contrast(get('on-accent'), get('accent'))).toBeGreaterThanOrEqual(4.5);
  });

  test.each(SIGHTS)('levels can be told apart with %s sight', (sight) => {
    const seen = LEVELS.map((level) => toLab(seenBy(sight, get(`level-${level}`))));
    for (let i = 0; i < seen.length; i++) {
      for (let j = i + 1; j < seen.length; j++) {
        expect(ciede2000(seen[i] as Rgb, seen[j] as Rgb), `${LEVELS[i]} and ${LEVELS[j]}`).toBeGreaterThanOrEqual(15);
      }
    }
  });
});

test.each([
  [[50, 2.6772, -79.7751], [50, 0, -82.7485], 2.0425],
  [[50, -1.3802, -84.2814], [50, 0, -82.7485], 1.0],
  [[50, 0, 0], [50, -1, 2], 2.3669],
  [[50, 2.49, -0.001], [50, -2.49, 0.0009], 7.1792],
  [[50, 2.5, 0], [73, 25, -18], 27.1492],
  [[60.2574, -34.0099, 36.2677], [60.4626, -34.1751, 39.4387], 1.2644],
  [[2.0776, 0.0795, -1.135], [0.9033, -0.0636, -0.5514], 0.9082],
] as [Rgb, Rgb, number][])('colour difference matches the published pair %#', (a, b, expected) => {
  expect(ciede2000(a, b)).toBeCloseTo(expected, 4);
});
