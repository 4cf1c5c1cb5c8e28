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
