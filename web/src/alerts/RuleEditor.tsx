import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, type ReactNode, useState } from 'react';
import { keepRule, testRule } from '../api/client';
import type { BackTest, Rule, Severity } from '../api/types';
import { useCommands } from '../app/commands';
import { FailureNote } from '../explore/FailureNote';
import { Choice } from '../ui/Choice';
import { notify } from '../ui/notice';
import { BackTestView } from './BackTestView';
import { formOf, freshId, isRuleKind, newForm, RULE_KINDS, type RuleForm, ruleOf, uses } from './ruleForm';

const SEVERITIES: readonly (readonly [Severity, string])[] = [
  ['P1', 'P1 now'],
  ['P2', 'P2 today'],
  ['P3', 'P3 some time'],
];
const RANGES: readonly (readonly [string, string])[] = [
  ['-1h', 'last hour'],
  ['-24h', 'last 24 hours'],
  ['-7d', 'last 7 days'],
];

interface Props {
  /** The rule that is changed; none = a new one. */
  rule?: Rule;
  /** Condition a new rule begins with. */
  q: string;
  rules: readonly Rule[];
  onClose(): void;
}

/** A rule's fields and what it would have said: it is saved after it was tried, or untried on purpose. */
export function RuleEditor({ rule, q, rules, onClose }: Props) {
  const client = useQueryClient();
  const [form, setForm] = useState<RuleForm>(() => (rule ? formOf(rule) : newForm(q)));
  const [range, setRange] = useState('-24h');
  const [tried, setTried] = useState('');
  const [untried, setUntried] = useState(false);
  const id =
    rule?.id ??
    freshId(
      form.name,
      rules.map((each) => each.id),
    );
  const named = { ...form, name: form.name.trim() || 'New rule' };
  const made = ruleOf(named, id, rule);
  const sense = JSON.stringify({ ...made, id: '', name: '', description: '', severity: '' });

  const test = useMutation<BackTest>({
    mutationFn: () => testRule(made, range),
    networkMode: 'always',
    onSuccess: () => setTried(sense),
  });
  const save = useMutation({
    mutationFn: () => keepRule(made),
    networkMode: 'always',
    onSuccess: async () => {
      notify(`“${made.name}” is watched from now on.`);
      await client.invalidateQueries({ queryKey: ['alerts'] });
      onClose();
    },
  });
  useCommands({ run: () => test.mutate(), close: onClose });

  const put = (change: Partial<RuleForm>) => setForm((before) => ({ ...before, ...change }));
  const field = (name: TextField, label: string, about?: ReactNode) =>
    uses(form.kind, name) && (
      <label className="field">
        <span>{label}</span>
        <input value={form[name]} spellCheck={false} onChange={(event) => put({ [name]: event.target.value })} />
        {about && <small className="muted">{about}</small>}
      </label>
    );
  const ready = (tried === sense || untried) && form.name.trim() !== '';
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (ready) save.mutate();
    else test.mutate();
  };

  return (
    <form className="rule-editor" onSubmit={submit} aria-label={rule ? `Rule ${rule.name}` : 'New rule'}>
      <h2>{rule ? `Rule ${rule.id}` : 'New rule'}</h2>
      <div className="rule-fields">
        <label className="field">
          <span>Name</span>
          <input value={form.name} placeholder="Many declined cards" onChange={(e) => put({ name: e.target.value })} />
        </label>
        <label className="field">
          <span>Tell me of</span>
          <select value={form.kind} onChange={(e) => isRuleKind(e.target.value) && put({ kind: e.target.value })}>
            {Object.entries(RULE_KINDS).map(([kind, words]) => (
              <option key={kind} value={kind}>
                {words}
              </option>
            ))}
          </select>
        </label>
        {field('condition', form.kind === 'scheduled' ? 'Query' : 'Search', 'as in Explore')}
        {uses(form.kind, 'steps') && (
          <label className="field">
            <span>Searches, one a line</span>
            <textarea rows={3} spellCheck={false} value={form.steps} onChange={(e) => put({ steps: e.target.value })} />
          </label>
        )}
        {uses(form.kind, 'absentLast') && (
          <label className="check">
            <input
              type="checkbox"
              checked={form.absentLast}
              onChange={(event) => put({ absentLast: event.target.checked })}
            />
            The last of them does not come
          </label>
        )}
        {field('of', 'Of all records of')}
        {field('ratio', 'Percent, at least')}
        {field('minCount', 'Records there must be')}
        {field('threshold', form.kind === 'scheduled' ? 'Rows, at least' : 'How many, at least')}
        {field('distinct', 'Count the values of a field instead', 'such as user_id; empty = count records')}
        {field('window', 'Within', 'such as 30s, 5m or 1h')}
        {field('every', 'Asked every', 'such as 1m')}
        {field('learn', 'Only learn for', 'from the first record on')}
        {field('groupBy', 'For each', 'fields, separated by commas; empty = all together')}
        <label className="field">
          <span>What to do (runbook)</span>
          <input value={form.description} onChange={(event) => put({ description: event.target.value })} />
        </label>
        <Choice
          label="Severity"
          value={form.severity}
          options={SEVERITIES}
          onChange={(severity) => put({ severity })}
        />
      </div>
      <div className="rule-try">
        <button type="button" className="button" disabled={test.isPending} onClick={() => test.mutate()}>
          {test.isPending ? 'Trying…' : 'Try it on'}
        </button>
        <select aria-label="Stored records" value={range} onChange={(event) => setRange(event.target.value)}>
          {RANGES.map(([from, words]) => (
            <option key={from} value={from}>
              {words}
            </option>
          ))}
        </select>
        <span className="rule-space" />
        <label className="check">
          <input type="checkbox" checked={untried} onChange={(event) => setUntried(event.target.checked)} />
          Save untried
        </label>
        <button type="button" className="button quiet" onClick={onClose}>
          Cancel
        </button>
        <button
          type="submit"
          className="button primary"
          disabled={!ready || save.isPending}
          title={whyNot(form, ready)}
        >
          Save
        </button>
      </div>
      {test.error && <FailureNote error={test.error} q={form.condition} onRetry={() => test.mutate()} />}
      {save.error && <FailureNote error={save.error} q={form.condition} onRetry={() => save.mutate()} />}
      <div aria-live="polite">
        {test.data && !test.error && <BackTestView found={test.data} stale={tried !== sense} />}
      </div>
    </form>
  );
}

type TextField = { [K in keyof RuleForm]: RuleForm[K] extends string ? K : never }[keyof RuleForm];

function whyNot(form: RuleForm, ready: boolean): string | undefined {
  if (ready) return undefined;
  return form.name.trim() === '' ? 'Give it a name' : 'Try it on stored records first';
}
