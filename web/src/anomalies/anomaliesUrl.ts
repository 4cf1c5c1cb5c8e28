/** The codec between the address bar and the page of findings. Keys are sorted; defaults are left out. */

import type { Zone } from '../time/instant';
import { isValidBound, type RangeText } from '../time/range';
import { encodeReadable, zoneOf } from '../url';
import { isKind } from './kinds';

export interface AnomaliesState extends RangeText {
  tz: Zone;
  /** Only findings about this service; empty = all. */
  service: string;
  /** Only findings of this kind; empty = all. */
  kind: string;
}

export const DEFAULT_ANOMALIES: AnomaliesState = { from: '-24h', to: 'now', tz: 'local', service: '', kind: '' };

const KEYS = ['from', 'kind', 'service', 'to', 'tz'] as const;

/** The query string without `?`; empty for the default state. */
export function encodeAnomalies(state: AnomaliesState): string {
  return KEYS.filter((key) => state[key] !== DEFAULT_ANOMALIES[key])
    .map((key) => `${key}=${encodeReadable(state[key])}`)
    .join('&');
}

/** Reads any query string; what is missing or nonsense becomes the default, never an error. `zone`: the default clock. */
export function decodeAnomalies(search: string, zone: Zone = DEFAULT_ANOMALIES.tz): AnomaliesState {
  const params = new URLSearchParams(search);
  const text = (key: (typeof KEYS)[number]) => params.get(key) ?? '';
  const bound = (key: 'from' | 'to') => (isValidBound(text(key)) ? text(key) : DEFAULT_ANOMALIES[key]);
  return {
    from: bound('from'),
    to: bound('to'),
    tz: zoneOf(text('tz'), zone),
    service: text('service'),
    kind: isKind(text('kind')) ? text('kind') : '',
  };
}

/** `id`: the page of one finding, which keeps the filters for the way back. */
export function anomaliesHref(state: AnomaliesState, id = ''): string {
  const query = encodeAnomalies(state);
  const path = id ? `/anomalies/${encodeURIComponent(id)}` : '/anomalies';
  return query ? `${path}?${query}` : path;
}
