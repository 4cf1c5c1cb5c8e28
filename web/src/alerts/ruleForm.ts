/** What stands in the fields of the editor, and the rule it says. */

import type { Rule, Severity } from '../api/types';
import { splitPipes } from '../query/edit';

export const RULE_KINDS = {
  threshold: 'So many records',
  ratio: 'A share of the records',
  absence: 'No record for a while',
  new_template: 'A kind of message never seen',
  sequence: 'Records in this order',
  join: 'Records of several searches',
  scheduled: 'A query, asked again and again',
} as const;

export type RuleKind = keyof typeof RULE_KINDS;

export function isRuleKind(kind: string): kind is RuleKind {
  return Object.hasOwn(RULE_KINDS, kind);
}

/** Texts, as they are typed. */
export interface RuleForm {
  name: string;
  severity: Severity;
  kind: RuleKind;
  condition: string;
  of: string;
  /** One search a line. */
  steps: string;
  absentLast: boolean;
  /** Fields, separated by commas. */
  groupBy: string;
  threshold: string;
  distinct: string;
  /** In percent. */
  ratio: string;
  minCount: string;
  window: string;
  every: string;
  learn: string;
  description: string;
}

export const NEW_RULE: RuleForm = {
  name: '',
  severity: 'P2',
  kind: 'threshold',
  condition: '',
  of: '*',
  steps: '',
  absentLast: false,
  groupBy: 'service',
  threshold: '20',
  distinct: '',
  ratio: '5',
  minCount: '20',
  window: '5m',
  every: '1m',
  learn: '1h',
  description: '',
};

/** A new rule about a query of Explore: with pipes it can only be asked again and again. */
export function newForm(q: string): RuleForm {
  const piped = splitPipes(q).length > 1;
  return { ...NEW_RULE, condition: q, ...(piped && { kind: 'scheduled', threshold: '1' }) };
}

/** Which of the form's fields a kind reads; the others are neither shown nor sent. */
const USED: Record<RuleKind, readonly (keyof RuleForm)[]> = {
  threshold: ['condition', 'threshold', 'distinct', 'window', 'groupBy'],
  ratio: ['condition', 'of', 'ratio', 'minCount', 'window', 'groupBy'],
  absence: ['condition', 'window', 'groupBy'],
  new_template: ['condition', 'learn', 'groupBy'],
  sequence: ['steps', 'absentLast', 'window', 'groupBy'],
  join: ['steps', 'window', 'groupBy'],
  scheduled: ['condition', 'threshold', 'every'],
};

export function uses(kind: RuleKind, field: keyof RuleForm): boolean {
  return USED[kind].includes(field);
}

/** A rule's fields as texts; a key that is left out has the default of docs/guides/alerting.md. */
export function formOf(rule: Rule): RuleForm {
  return {
    name: rule.name,
    severity: rule.severity,
    kind: isRuleKind(rule.kind) ? rule.kind : 'threshold',
    condition: rule.condition ?? '*',
    of: rule.of ?? '*',
    steps: (rule.steps ?? []).join('\n'),
    absentLast: rule.absent_last ?? false,
    groupBy: (rule.group_by ?? []).join(', '),
    threshold: String(rule.threshold ?? 1),
    distinct: rule.distinct ?? '',
    ratio: String(Math.round((rule.ratio ?? 0) * 1e6) / 1e4),
    minCount: String(rule.min_count ?? 1),
    window: rule.window ?? '5m',
    every: rule.every ?? '1m',
    learn: rule.learn ?? '0s',
    description: rule.description ?? '',
  };
}

/** The rule the form says. What the editor does not show (`before`: tags, author, whether it is on) stays as it was. */
export function ruleOf(form: RuleForm, id: string, before?: Rule): Rule {
  const rule: Rule = { id, name: form.name.trim(), kind: form.kind, severity: form.severity };
  const used = (field: keyof RuleForm) => uses(form.kind, field);
  if (used('condition')) rule.condition = form.condition.trim() || '*';
  if (used('of')) rule.of = form.of.trim() || '*';
  if (used('steps')) rule.steps = lines(form.steps, '\n');
  if (used('absentLast') && form.absentLast) rule.absent_last = true;
  if (used('groupBy') && lines(form.groupBy, ',').length > 0) rule.group_by = lines(form.groupBy, ',');
  if (used('threshold')) rule.threshold = Number(form.threshold);
  if (used('distinct') && form.distinct.trim()) rule.distinct = form.distinct.trim();
  if (used('ratio')) rule.ratio = Number(form.ratio) / 100;
  if (used('minCount')) rule.min_count = Number(form.minCount);
  if (used('window')) rule.window = form.window.trim();
  if (used('every')) rule.every = form.every.trim();
  if (used('learn')) rule.learn = form.learn.trim();
  if (form.description.trim()) rule.description = form.description.trim();
  if (before?.enabled === false) rule.enabled = false;
  if (before?.tags) rule.tags = before.tags;
  if (before?.author) rule.author = before.author;
  return rule;
}

function lines(text: string, separator: string): string[] {
  return text
    .split(separator)
    .map((part) => part.trim())
    .filter(Boolean);
}

/** An id of the name that no rule has yet. */
export function freshId(name: string, taken: readonly string[]): string {
  const words = name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 100);
  const base = words || 'rule';
  let id = base;
  for (let n = 2; taken.includes(id); n++) id = `${base}-${n}`;
  return id;
}

/** What a rule tells of, in a few words. */
export function ruleText(rule: Rule): string {
  const { condition = '*', window = '5m', threshold = 1, steps = [], of = '*' } = rule;
  const each = rule.group_by?.length ? `, for each ${rule.group_by.join(', ')}` : '';
  switch (rule.kind) {
    case 'threshold':
      return `${threshold} or more ${rule.distinct ? `values of ${rule.distinct} in` : 'of'} ${condition} within ${window}${each}`;
    case 'ratio':
      return `${condition} is ${Math.round((rule.ratio ?? 0) * 1e4) / 1e2} % or more of ${of} within ${window}${each}`;
    case 'absence':
      return `nothing of ${condition} for ${window}${each}`;
    case 'new_template':
      return `a kind of message never seen in ${condition}${each}`;
    case 'sequence':
      return `${steps.join(rule.absent_last ? ', without then ' : ', then ')} within ${window}${each}`;
    case 'join':
      return `${steps.join(' and ')} within ${window}${each}`;
    default:
      return `${condition}, every ${rule.every ?? '1m'}`;
  }
}
