import { useState } from 'react';
import { deleteRule, putRule } from '../api/client';
import type { Rule } from '../api/types';
import { FailureNote } from '../explore/FailureNote';
import { safeText } from '../text/safe';
import { count } from '../ui/format';
import type { AlertsState } from './alertsUrl';
import { SeverityMark } from './marks';
import { RuleEditor } from './RuleEditor';
import { blankRule } from './ruleForm';
import { AlertsSkeleton } from './Skeleton';
import { useChange, useRules } from './useAlerting';
import { RULE_KINDS, ruleText } from './words';

/** Rules of Sigma come by the thousand; the list shows the first, the search finds any. */
const MOST_RULES = 200;

interface Props {
  state: AlertsState;
  onChange(change: Partial<AlertsState>): void;
}

export function Rules({ state, onChange }: Props) {
  const asked = useRules();
  const [edited, edit] = useState<Rule | null>(state.draft ? blankRule(state.draft) : null);
  const [sought, seek] = useState('');
  const every = asked.data?.data ?? [];
  const found = every.filter((rule) => matches(rule, sought));
  const close = () => {
    edit(null);
    if (state.draft) onChange({ draft: '' });
  };
  return (
    <section className="alerts-section" aria-label="Rules">
      <div className="alerts-tools">
        <input
          className="entry"
          type="search"
          aria-label="Find a rule"
          placeholder="Find a rule"
          value={sought}
          onChange={(event) => seek(event.target.value)}
        />
        <button type="button" className="button primary" onClick={() => edit(blankRule())}>
          New rule
        </button>
      </div>
      {asked.error && <FailureNote error={asked.error} q="" onRetry={() => void asked.refetch()} />}
      {asked.isPending && <AlertsSkeleton label="Loading rules" />}
      <ul className="rule-list">
        {found.slice(0, MOST_RULES).map((rule) => (
          <RuleRow key={rule.id} rule={rule} onEdit={() => edit({ ...blankRule(), ...rule })} />
        ))}
      </ul>
      {found.length > MOST_RULES && (
        <p className="muted">
          The first {MOST_RULES} of {count(found.length)} rules; a word above finds the others.
        </p>
      )}
      {asked.data && found.length === 0 && (
        <div className="empty alerts-empty">
          <h2>{every.length === 0 ? 'No rules yet' : 'No rule like that'}</h2>
          {every.length === 0 && (
            <>
              <p className="muted">
                Detection tells of what is unusual by itself. A rule says what must never pass unnoticed.
              </p>
              <button type="button" className="button" onClick={() => edit(FIRST_RULE)}>
                Begin with: many errors of one service
              </button>
            </>
          )}
        </div>
      )}
      {edited && <RuleEditor key={edited.id} given={edited} known={every} onClose={close} />}
    </section>
  );
}

const FIRST_RULE: Rule = {
  ...blankRule('level>=error'),
  name: 'Many errors of one service',
  threshold: 50,
  group_by: ['service'],
};

function matches(rule: Rule, sought: string): boolean {
  const text = `${rule.id} ${rule.name} ${rule.condition ?? ''} ${rule.description ?? ''}`.toLowerCase();
  return sought
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

function RuleRow({ rule, onEdit }: { rule: Rule; onEdit(): void }) {
  const on = rule.enabled !== false;
  const turn = useChange(
    () => putRule({ ...rule, enabled: !on }),
    () => (on ? `${rule.name}: turned off` : `${rule.name}: watches again`),
  );
  const remove = useChange(
    () => deleteRule(rule.id),
    () => `${rule.name}: deleted`,
  );
  const own = rule.source === 'api' || rule.source === undefined;
  return (
    <li className="rule" data-off={!on} id={`rule-${rule.id}`}>
      <SeverityMark severity={rule.severity} />
      <div className="rule-words">
        <h2>{safeText(rule.name)}</h2>
        <p className="muted">
          {RULE_KINDS[rule.kind] ?? rule.kind}: {safeText(ruleText(rule))}
          {!own && ` · from ${safeText(rule.source ?? '')}`}
          {!on && ' · off'}
        </p>
        <code className="rule-condition">{safeText(rule.condition ?? rule.steps?.join('  →  ') ?? '*')}</code>
      </div>
      <div className="rule-actions">
        <button type="button" className="button" onClick={() => turn.mutate(undefined)}>
          {on ? 'Turn off' : 'Turn on'}
        </button>
        <button type="button" className="button" onClick={onEdit} aria-label={`Edit ${rule.name}`}>
          Edit
        </button>
        {own && (
          <button
            type="button"
            className="button"
            onClick={() => remove.mutate(undefined)}
            aria-label={`Delete ${rule.name}`}
          >
            Delete
          </button>
        )}
      </div>
    </li>
  );
}
