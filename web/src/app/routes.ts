import { safeText } from '../text/safe';

/** Pages that exist. `src/heimdall/api/static_files.py` has the same list of first segments; a test compares them. */

export const ROUTES = ['', 'start', 'explore', 'anomalies', 'alerts', 'settings', 'graphql-explorer'] as const;

export const TITLES: Record<string, string> = {
  start: 'Start',
  explore: 'Explore',
  anomalies: 'Anomalies',
  alerts: 'Alerts',
  settings: 'Settings',
  'graphql-explorer': 'GraphQL',
};

/** Letters of `about` that a tab's title shows; more would push the page's name out of sight. */
const MOST = 60;

/** Title of a page's tab; what it is about comes first, cut between words where it is long. */
export function titleOf(page: string, about = ''): string {
  return [shortened(safeText(about.replace(/\s+/g, ' ').trim())), TITLES[page], 'Heimdall'].filter(Boolean).join(' · ');
}

function shortened(text: string): string {
  const letters = [...text];
  if (letters.length <= MOST) return text;
  const cut = letters.slice(0, MOST - 1).join('');
  const space = cut.lastIndexOf(' ');
  return `${(space > cut.length / 2 ? cut.slice(0, space) : cut).trimEnd()}…`;
}
