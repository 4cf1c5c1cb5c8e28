/** The codec between the address bar and the page of alerts. Defaults are left out. */

import { encodeReadable } from '../url';

export const VIEWS = ['incidents', 'rules', 'silences'] as const;
export const SHOWN = ['open', 'resolved', 'all'] as const;

export interface AlertsState {
  view: (typeof VIEWS)[number];
  /** Which incidents. */
  shown: (typeof SHOWN)[number];
  /** Condition of a rule that is being written; empty = none is. */
  draft: string;
}

export const DEFAULT_ALERTS: AlertsState = { view: 'incidents', shown: 'open', draft: '' };

/** Reads any query string; nonsense becomes the default, never an error. */
export function decodeAlerts(search: string): AlertsState {
  const params = new URLSearchParams(search);
  const oneOf = <T extends string>(name: string, known: readonly T[], otherwise: T): T =>
    known.find((value) => value === params.get(name)) ?? otherwise;
  return {
    view: oneOf('view', VIEWS, DEFAULT_ALERTS.view),
    shown: oneOf('shown', SHOWN, DEFAULT_ALERTS.shown),
    draft: params.get('draft') ?? '',
  };
}

/** `id`: the page of one incident. */
export function alertsHref(state: Partial<AlertsState> = {}, id = ''): string {
  const whole = { ...DEFAULT_ALERTS, ...state };
  const query = (['draft', 'shown', 'view'] as const)
    .filter((key) => whole[key] !== DEFAULT_ALERTS[key])
    .map((key) => `${key}=${encodeReadable(whole[key])}`)
    .join('&');
  const path = id ? `/alerts/${encodeURIComponent(id)}` : '/alerts';
  return query ? `${path}?${query}` : path;
}
