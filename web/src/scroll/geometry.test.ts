import fc from 'fast-check';
import { expect, test } from 'vitest';
import { anchorAt, anchorToShow, MAX_HEIGHT_PX, makeGeometry, rowOffset, scrollTopAt, visibleRows } from './geometry';

const shape = fc.record({
  total: fc.integer({ min: 1, max: 1_000_000_000 }),
  rowHeight: fc.constantFrom(20, 24, 32, 52),
  viewHeight: fc.integer({ min: 100, max: 2_000 }),
  dpr: fc.constantFrom(1, 2),
});

test('the content never grows past the cap and is exact below it', () => {
  fc.assert(
    fc.property(shape, ({ total, rowHeight, viewHeight }) => {
      const { height, scaled } = makeGeometry(total, rowHeight, viewHeight);
      expect(height).toBeLessThanOrEqual(MAX_HEIGHT_PX);
      if (!scaled) expect(height).toBe(total * rowHeight);
    }),
  );
});

test('rank → pixel → rank is off by no more than the scroll bar can say', () => {
  fc.assert(
    fc.property(shape, fc.double({ min: 0, max: 1, noNaN: true }), ({ total, rowHeight, viewHeight, dpr }, part) => {
      const geometry = makeGeometry(total, rowHeight, viewHeight);
      const anchor = part * geometry.maxAnchor;
      const snapped = Math.round(scrollTopAt(geometry, anchor) * dpr) / dpr;
      const rowsPerPixel = geometry.scaled ? geometry.maxAnchor / (geometry.height - viewHeight) : 1 / rowHeight;
      expect(Math.abs(anchorAt(geometry, snapped) - anchor)).toBeLessThanOrEqual(rowsPerPixel / dpr + 1e-6);
    }),
  );
});

test('both ends of the scroll bar are both ends of the result, exactly', () => {
  fc.assert(
    fc.property(shape, ({ total, rowHeight, viewHeight }) => {
      const geometry = makeGeometry(total, rowHeight, viewHeight);
      expect(anchorAt(geometry, 0)).toBe(0);
      const bottom = anchorAt(geometry, Math.max(0, geometry.height - viewHeight));
      expect(visibleRows(geometry, bottom).end).toBe(total);
      expect(rowOffset(geometry, bottom, total)).toBeLessThanOrEqual(viewHeight + 1e-3);
    }),
  );
});

test('a row that was asked for is wholly in view afterwards', () => {
  fc.assert(
    fc.property(
      shape,
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.constantFrom('nearest' as const, 'center' as const),
      ({ total, rowHeight, viewHeight }, here, there, place) => {
        const geometry = makeGeometry(total, rowHeight, viewHeight);
        const rank = Math.floor(there * (total - 1));
        const anchor = anchorToShow(geometry, here * geometry.maxAnchor, rank, place);
        const top = rowOffset(geometry, anchor, rank);
        expect(top).toBeGreaterThanOrEqual(-1e-3);
        expect(top + rowHeight).toBeLessThanOrEqual(viewHeight + 1e-3);
      },
    ),
  );
});

test('the middle row of a billion is addressed exactly', () => {
  const geometry = makeGeometry(1_000_000_000, 20, 700);
  const anchor = anchorToShow(geometry, 0, 500_000_000, 'center');
  const rows = visibleRows(geometry, anchor);
  expect(rows.first).toBeLessThanOrEqual(500_000_000);
  expect(rows.end).toBeGreaterThan(500_000_000);
  expect(rows.end - rows.first).toBeLessThan(40);
});
