/** The one codec between the address bar and the state of Explore. Keys are sorted; defaults are left out. */

import { BASELINES, type Baseline } from './explore/baseline';
import { PATTERN_ORDERS, type PatternOrder } from './explore/patternOrder';
import type { Zone } from './time/instant';
import { DEFAULT_RANGE, isValidBound } from './time/range';

export interface ExploreState {
  /** HQL; empty = everything. */
  q: string;
  /** `-15m`, RFC 3339, epoch, or `all`. */
  from: string;
  to: string;
  tz: Zone;
  /** Id of the line that is focused. */
  sel: string;
  /** Place of the focused line in the whole result, newest first; -1 = none. */
  rank: number;
  live: boolean;
  /** What is shown of the result. */
  view: View;
  /** What the view `compare` compares with. */
  cmp: Baseline;
  /** Which come first in the view `patterns`. */
  order: PatternOrder;
}

export const VIEWS = ['lines', 'patterns', 'compare'] as const;
export type View = (typeof VIEWS)[number];

export const DEFAULT_STATE: ExploreState = {
  q: '',
  ...DEFAULT_RANGE,
  tz: 'local',
  sel: '',
  rank: -1,
  live: false,
  view: 'lines',
  cmp: 'before',
  order: 'frequent',
};

/** The query string without `?`; empty for the default state. Every value reads back by `decodeState`. */
export function encodeState(state: ExploreState): string {
  const pairs: [string, string][] = [];
  const put = (key: string, value: string, fallback: string) => {
    if (value !== fallback) pairs.push([key, value]);
  };
  put('cmp', state.cmp, DEFAULT_STATE.cmp);
  put('from', state.from, DEFAULT_STATE.from);
  put('live', state.live ? '1' : '', '');
  put('order', state.order, DEFAULT_STATE.order);
  put('q', state.q, '');
  put('rank', state.rank < 0 ? '' : String(state.rank), '');
  put('sel', state.sel, '');
  put('to', state.to, DEFAULT_STATE.to);
  put('tz', state.tz, DEFAULT_STATE.tz);
  put('view', state.view, DEFAULT_STATE.view);
  return pairs.map(([key, value]) => `${key}=${encodeReadable(value)}`).join('&');
}

/** Reads any query string; what is missing or nonsense becomes the default, never an error. `zone`: the default clock. */
export function decodeState(search: string, zone: Zone = DEFAULT_STATE.tz): ExploreState {
  const params = new URLSearchParams(search);
  const text = (key: string) => params.get(key) ?? '';
  const bound = (key: 'from' | 'to') => (isValidBound(text(key)) ? text(key) : DEFAULT_STATE[key]);
  const rank = /^\d{1,15}$/.test(text('rank')) ? Number(text('rank')) : -1;
  return {
    q: text('q'),
    from: bound('from'),
    to: bound('to'),
    tz: zoneOf(text('tz'), zone),
    sel: text('sel'),
    rank,
    live: text('live') === '1',
    view: VIEWS.find((view) => view === text('view')) ?? 'lines',
    cmp: BASELINES.find(([name]) => name === text('cmp'))?.[0] ?? DEFAULT_STATE.cmp,
    order: PATTERN_ORDERS.find(([name]) => name === text('order'))?.[0] ?? DEFAULT_STATE.order,
  };
}

export function zoneOf(text: string, fallback: Zone): Zone {
  return text === 'utc' || text === 'local' ? text : fallback;
}

export function exploreHref(state: ExploreState): string {
  const query = encodeState(state);
  return query ? `/explore?${query}` : '/explore';
}

/** Percent-encodes only what a query string cannot hold, so that a link stays readable. */
export function encodeReadable(value: string): string {
  return encodeURIComponent(value.toWellFormed())
    .replace(/%20/g, '+')
    .replace(/%(3A|2F|2C|40|24|3B|3D|7C|5B|5D|28|29|2A|21|27)/g, (code) => decodeURIComponent(code));
}
