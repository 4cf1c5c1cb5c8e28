/** One asking of a question: the query with its range frozen, so that ranks and links stay true while logs come in. */

import type { QueryParams } from '../api/types';
import { linesPart, shapeOf } from '../query/edit';
import { formatInstant } from '../time/instant';
import { type Range, type RangeText, resolveRange } from '../time/range';

export interface Run {
  serial: number;
  q: string;
  range: Range;
  shape: 'lines' | 'list' | 'table';
  /** For the rows. */
  params: QueryParams;
  /** For histogram and facets: the same without pipes that aggregate or reorder. */
  lineParams: QueryParams;
}

let serial = 0;

export function makeRun(q: string, text: RangeText, now: bigint): Run {
  const range = resolveRange(text, now);
  // "All time" also means lines whose clock runs ahead of ours.
  if (range.from === null && text.to === 'now') range.to = null;
  const bounds = {
    from: range.from === null ? undefined : formatInstant(range.from),
    to: range.to === null ? undefined : formatInstant(range.to),
  };
  serial += 1;
  return {
    serial,
    q,
    range,
    shape: shapeOf(q),
    params: { q, ...bounds },
    lineParams: { q: linesPart(q), ...bounds },
  };
}

/** A name of our own, to cancel by. `crypto.randomUUID` is missing on pages served without TLS. */
export function newQueryId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return `ui-${[...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}
