/** What incidents, rules and silences are called on the page. */

import type { Incident, Rule } from '../api/types';
import { plural } from '../ui/format';

export const SEVERITY_WORDS = { P1: 'act now', P2: 'act today', P3: 'when there is time' } as const;

export const RULE_KINDS: Record<string, string> = {
  threshold: 'Too many',
  ratio: 'Too large a share',
  absence: 'Silence',
  new_template: 'A new kind of message',
  sequence: 'In this order',
  join: 'Together',
  scheduled: 'A query, again and again',
};

/** Who told of it: a rule's id, or the detection that a node has by itself. */
export function causeText(incident: Pick<Incident, 'rules' | 'storm'>): string {
  if (incident.storm) return 'many causes at once';
  const [first, ...others] = incident.rules;
  if (!first) return '';
  const name = first.startsWith('detector.') ? 'detection' : `rule ${first}`;
  return others.length > 0 ? `${name} and ${plural(others.length, 'other')}` : name;
}

/** What a rule waits for, as one sentence. */
export function ruleText(rule: Rule): string {
  const window = rule.window ?? '5m';
  const each = rule.group_by?.length ? ` for each ${rule.group_by.join(', ')}` : '';
  switch (rule.kind) {
    case 'threshold': {
      const what = rule.distinct ? `different ${rule.distinct}` : 'records';
      return `${rule.threshold ?? 1} ${what} or more within ${window}${each}`;
    }
    case 'ratio':
      return `${Math.round((rule.ratio ?? 0) * 1000) / 10} % or more within ${window}${each}`;
    case 'absence':
      return `no record for ${window}${each}`;
    case 'new_template':
      return `a kind of message never seen before${each}`;
    case 'sequence':
    case 'join':
      return `${plural(rule.steps?.length ?? 0, 'step')} within ${window}${each}`;
    case 'scheduled':
      return `asked every ${rule.every ?? '1m'}`;
    default:
      return rule.kind;
  }
}

/** An id made of a name: `Many declined cards` → `many-declined-cards`. */
export function idOf(name: string): string {
  const plain = name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
  return plain.slice(0, 80).replace(/-+$/, '') || 'rule';
}

const KINDS_OF_ENTRY: Record<string, string> = {
  opened: 'began',
  alert: 'also',
  alert_over: 'eased',
  resolved: 'over',
  notified: 'told',
  acknowledged: 'in hand',
  comment: 'said',
  undelivered: 'not told',
};

export function entryWord(kind: string): string {
  return KINDS_OF_ENTRY[kind] ?? kind.replaceAll('_', ' ');
}
