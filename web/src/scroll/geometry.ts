/**
 * Scroll maths of a list of up to 10⁹ rows of one height.
 *
 * Browsers cap the height of an element (Chrome near 16.7M px, Firefox 17.9M), so a taller list is scaled: the scroll bar
 * covers `MAX_HEIGHT_PX` and its place is a fraction of the whole. The *anchor*, a fractional rank, says which row is
 * at the top edge of the view; it is the truth, `scrollTop` only its shadow.
 */

/** Well below every browser's cap, also at 200 % zoom. */
export const MAX_HEIGHT_PX = 8_000_000;

export interface Geometry {
  total: number;
  rowHeight: number;
  viewHeight: number;
  /** Height of the scrolled content in px. */
  height: number;
  /** Whether one px of scroll bar is more than one px of rows. */
  scaled: boolean;
  /** Largest anchor: the last row touches the bottom edge. */
  maxAnchor: number;
}

export function makeGeometry(total: number, rowHeight: number, viewHeight: number): Geometry {
  const natural = total * rowHeight;
  return {
    total,
    rowHeight,
    viewHeight,
    height: Math.min(natural, MAX_HEIGHT_PX),
    scaled: natural > MAX_HEIGHT_PX,
    maxAnchor: Math.max(0, total - viewHeight / rowHeight),
  };
}

export function clampAnchor(geometry: Geometry, anchor: number): number {
  return Math.min(Math.max(anchor, 0), geometry.maxAnchor);
}

export function anchorAt(geometry: Geometry, scrollTop: number): number {
  const { scaled, height, viewHeight, maxAnchor, rowHeight } = geometry;
  if (!scaled) return clampAnchor(geometry, scrollTop / rowHeight);
  return clampAnchor(geometry, (scrollTop / (height - viewHeight)) * maxAnchor);
}

export function scrollTopAt(geometry: Geometry, anchor: number): number {
  const { scaled, height, viewHeight, maxAnchor, rowHeight } = geometry;
  const place = clampAnchor(geometry, anchor);
  if (!scaled) return place * rowHeight;
  return maxAnchor === 0 ? 0 : (place / maxAnchor) * (height - viewHeight);
}

/** First and one past the last row that touch the view, with `overscan` rows on both sides. */
export function visibleRows(geometry: Geometry, anchor: number, overscan = 0): { first: number; end: number } {
  const { total, viewHeight, rowHeight } = geometry;
  const first = Math.floor(anchor) - overscan;
  const end = Math.ceil(anchor + viewHeight / rowHeight) + overscan;
  return { first: Math.max(0, first), end: Math.min(total, end) };
}

/** Distance of a row's top edge from the top edge of the view, in px. */
export function rowOffset(geometry: Geometry, anchor: number, rank: number): number {
  return (rank - anchor) * geometry.rowHeight;
}

/** Anchor that shows `rank`: unchanged when it is in view already, else by the shortest way or in the middle. */
export function anchorToShow(geometry: Geometry, anchor: number, rank: number, place: 'nearest' | 'center'): number {
  const rows = geometry.viewHeight / geometry.rowHeight;
  if (place === 'center') return clampAnchor(geometry, rank + 0.5 - rows / 2);
  if (rank < anchor) return clampAnchor(geometry, rank);
  if (rank + 1 > anchor + rows) return clampAnchor(geometry, rank + 1 - rows);
  return anchor;
}
