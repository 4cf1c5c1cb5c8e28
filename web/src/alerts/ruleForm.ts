/** A rule as the form holds it, and back. */

import type { Rule } from '../api/types';
import { idOf } from './words';

export function blankRule(condition = ''): Rule {
  return { id: '', name: '', severity: 'P2', kind: 'threshold', condition, threshold: 1, window: '5m' };
}

/** Keys that each kind reads besides those of every rule. */
const KEYS: Record<string, readonly (keyof Rule)[]> = {
  threshold: ['condition', 'group_by', 'threshold', 'distinct', 'window'],
  ratio: ['condition', 'of', 'group_by', 'ratio', 'min_count', 'window'],
  absence: ['condition', 'group_by', 'window'],
  new_template: ['condition', 'group_by'],
  sequence: ['steps', 'group_by', 'window'],
  join: ['steps', 'group_by', 'window'],
  scheduled: ['condition', 'threshold', 'every'],
};

export const uses = (kind: string, key: keyof Rule): boolean => KEYS[kind]?.includes(key) ?? true;

/** What is sent: without what the kind does not read and without empty texts; a new rule gets an id from its name. */
export function readyRule(form: Rule, known: readonly Rule[]): Rule {
  const { source: _, ...rest } = form;
  const kept = Object.entries(rest).filter(
    ([key, value]) =>
      (!(key in ALL_KEYS) || uses(form.kind, key as keyof Rule)) &&
      value !== '' &&
      value !== undefined &&
      !(Array.isArray(value) && value.length === 0),
  );
  return { ...(Object.fromEntries(kept) as unknown as Rule), id: form.id || freshId(form.name, known) };
}

const ALL_KEYS: Record<string, true> = Object.fromEntries(
  Object.values(KEYS).flatMap((keys) => keys.map((key) => [key, true])),
);

function freshId(name: string, known: readonly Rule[]): string {
  const taken = new Set(known.map(({ id }) => id));
  const base = idOf(name);
  for (let n = 1; ; n++) {
    const id = n === 1 ? base : `${base}-${n}`;
    if (!taken.has(id)) return id;
  }
}

/** Names separated by commas or blanks. */
export const namesOf = (text: string): string[] => text.split(/[\s,]+/).filter(Boolean);

export const linesOf = (text: string): string[] => text.split('\n').filter((line) => line.trim() !== '');
