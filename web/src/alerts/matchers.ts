/** Matchers of a silence: which alerts an incident's silence holds, and how they read. */

import type { Incident } from '../api/types';

/** The alerts of the incident's services; where it has none, those of its rules. */
export function matchersOf({ services, rules }: Pick<Incident, 'services' | 'rules'>): Record<string, string> {
  const named = services.filter(Boolean);
  return named.length > 0 ? { service: anyOf(named) } : { rule: anyOf(rules) };
}

/** One value as it is, several as an RE2 pattern for the whole value. */
function anyOf(values: readonly string[]): string {
  const [only] = values;
  if (values.length === 1 && only && !only.startsWith('/')) return only;
  return `/${values.map((value) => value.replace(/[\\^$.|?*+()[\]{}/]/g, '\\$&')).join('|')}/`;
}

export function matchersText(matchers: Record<string, string>): string {
  const pairs = Object.entries(matchers).map(([label, value]) => `${label} ${value}`);
  return pairs.length > 0 ? pairs.join(', ') : 'everything';
}
