import { type FormEvent, type ReactNode, useState } from 'react';
import { putRule } from '../api/client';
import type { Rule, Severity } from '../api/types';
import { Dialog } from '../ui/Dialog';
import { BackTestPanel } from './BackTestPanel';
import { linesOf, namesOf, readyRule, uses } from './ruleForm';
import { problemText, useChange } from './useAlerting';
import { RULE_KINDS, SEVERITY_WORDS } from './words';

interface Props {
  given: Rule;
  known: readonly Rule[];
  onClose(): void;
}

/** A rule as a form. It is tried on what is stored before it is kept. */
export function RuleEditor({ given, known, onClose }: Props) {
  const [rule, setRule] = useState(given);
  /** The rule that was tried, as text: another one has to be tried again. */
  const [tried, setTried] = useState('');
  const set = (change: Partial<Rule>) => setRule((before) => ({ ...before, ...change }));
  const keep = useChange(
    (made: Rule) => putRule(made),
    ({ name }) => `${name}: watches from now on`,
  );
  const ready = readyRule(rule, known);
  const complete =
    rule.name.trim() !== '' && (uses(rule.kind, 'steps') ? (rule.steps?.length ?? 0) > 1 : !!rule.condition);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (complete) keep.mutate(ready, { onSuccess: onClose });
  };
  return (
    <Dialog open onClose={onClose} title={given.id ? `Rule ${given.id}` : 'New rule'} className="rule-dialog">
      <form className="alert-form" onSubmit={submit}>
        <Line label="Name">
          <input
            className="entry"
            data-autofocus
            required
            maxLength={200}
            value={rule.name}
            onChange={(event) => set({ name: event.target.value })}
          />
        </Line>
        <div className="form-row">
          <Line label="Tells of">
            <select className="entry" value={rule.kind} onChange={(event) => set({ kind: event.target.value })}>
              {Object.entries(RULE_KINDS).map(([kind, label]) => (
                <option key={kind} value={kind}>
                  {label}
                </option>
              ))}
            </select>
          </Line>
          <Line label="Severity">
            <select
              className="entry"
              value={rule.severity}
              onChange={(event) => set({ severity: event.target.value as Severity })}
            >
              {Object.entries(SEVERITY_WORDS).map(([severity, word]) => (
                <option key={severity} value={severity}>
                  {severity}: {word}
                </option>
              ))}
            </select>
          </Line>
        </div>
        <Condition rule={rule} set={set} />
        <Numbers rule={rule} set={set} />
        <BackTestPanel rule={ready} complete={complete} onTried={() => setTried(JSON.stringify(ready))} />
        {keep.error && (
          <p className="problem" role="alert">
            {problemText(keep.error)}
          </p>
        )}
        <footer className="form-foot">
          <button
            type="submit"
            className="button primary"
            disabled={!complete || keep.isPending || tried !== JSON.stringify(ready)}
          >
            Keep the rule
          </button>
          {complete && tried !== JSON.stringify(ready) && (
            <button type="button" className="link-button" onClick={() => keep.mutate(ready, { onSuccess: onClose })}>
              Keep it without trying
            </button>
          )}
        </footer>
      </form>
    </Dialog>
  );
}

interface Part {
  rule: Rule;
  set(change: Partial<Rule>): void;
}

function Condition({ rule, set }: Part) {
  if (uses(rule.kind, 'steps')) {
    return (
      <Line label="Records of these searches" about="One search a line, in HQL.">
        <textarea
          className="entry code"
          rows={3}
          defaultValue={rule.steps?.join('\n') ?? ''}
          onChange={(event) => set({ steps: linesOf(event.target.value) })}
        />
      </Line>
    );
  }
  const whole = rule.kind === 'scheduled';
  return (
    <>
      <Line
        label={whole ? 'Query' : 'Records of this search'}
        about={whole ? 'HQL with its pipes; each row is told.' : 'In HQL.'}
      >
        <input
          className="entry code"
          value={rule.condition ?? ''}
          placeholder={
            whole ? 'level:error | stats count() as n by service | where n > 10' : 'service:payment "card declined"'
          }
          onChange={(event) => set({ condition: event.target.value })}
        />
      </Line>
      {uses(rule.kind, 'of') && (
        <Line label="Among records of" about="All records when empty.">
          <input className="entry code" value={rule.of ?? ''} onChange={(event) => set({ of: event.target.value })} />
        </Line>
      )}
    </>
  );
}

function Numbers({ rule, set }: Part) {
  const number = (key: 'threshold' | 'ratio' | 'min_count', label: string, step: number, scale = 1) =>
    uses(rule.kind, key) && (
      <Line label={label}>
        <input
          className="entry"
          type="number"
          min={0}
          step={step}
          value={(rule[key] ?? 0) * scale || ''}
          onChange={(event) =>
            set({ [key]: event.target.value === '' ? undefined : Number(event.target.value) / scale })
          }
        />
      </Line>
    );
  return (
    <div className="form-row">
      {number('threshold', 'At least', 1)}
      {number('ratio', 'At least, %', 0.1, 100)}
      {number('min_count', 'Of at least so many', 1)}
      {uses(rule.kind, 'window') && (
        <Line label="Within">
          <input
            className="entry"
            value={rule.window ?? ''}
            placeholder="5m"
            onChange={(event) => set({ window: event.target.value })}
          />
        </Line>
      )}
      {uses(rule.kind, 'every') && (
        <Line label="Every">
          <input
            className="entry"
            value={rule.every ?? ''}
            placeholder="1m"
            onChange={(event) => set({ every: event.target.value })}
          />
        </Line>
      )}
      {uses(rule.kind, 'group_by') && (
        <Line label="For each">
          <input
            className="entry"
            defaultValue={rule.group_by?.join(', ') ?? ''}
            placeholder="service"
            onChange={(event) => set({ group_by: namesOf(event.target.value) })}
          />
        </Line>
      )}
    </div>
  );
}

function Line({ label, about, children }: { label: string; about?: string; children: ReactNode }) {
  return (
    // biome-ignore lint/a11y/noLabelWithoutControl: the control is its child
    <label>
      <span>{label}</span>
      {children}
      {about && <span className="muted">{about}</span>}
    </label>
  );
}
