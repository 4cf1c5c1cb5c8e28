/** The codec between the address bar and the pages of alerts. Keys are sorted; defaults are left out. */

import { encodeReadable } from '../url';

export const VIEWS = ['incidents', 'oncall', 'rules', 'silences'] as const;
export type View = (typeof VIEWS)[number];

export interface AlertsState {
  view: View;
  /** Incidents that are over are listed as well. */
  all: boolean;
  /** Id of the rule in the editor, `new` for one that is not kept yet; empty = none. */
  edit: string;
  /** Condition that a new rule begins with. */
  q: string;
}

export const DEFAULT_ALERTS: AlertsState = { view: 'incidents', all: false, edit: '', q: '' };

/** Reads any query string; what is missing or nonsense becomes the default, never an error. */
export function decodeAlerts(search: string): AlertsState {
  const params = new URLSearchParams(search);
  const view = VIEWS.find((each) => each === params.get('view')) ?? DEFAULT_ALERTS.view;
  return { view, all: params.get('all') === '1', edit: params.get('edit') ?? '', q: params.get('q') ?? '' };
}

/** `id`: the page of one incident. */
export function alertsHref(state: Partial<AlertsState>, id = ''): string {
  const { all, edit, q, view } = { ...DEFAULT_ALERTS, ...state };
  const pairs = [
    ['all', all ? '1' : ''],
    ['edit', edit],
    ['q', q],
    ['view', view === DEFAULT_ALERTS.view ? '' : view],
  ].filter(([, value]) => value !== '');
  const path = id ? `/alerts/${encodeURIComponent(id)}` : '/alerts';
  const query = pairs.map(([key, value]) => `${key}=${encodeReadable(value as string)}`).join('&');
  return query ? `${path}?${query}` : path;
}

/** The editor with a new rule about `q`. */
export function newRuleHref(q = ''): string {
  return alertsHref({ view: 'rules', edit: 'new', q });
}
