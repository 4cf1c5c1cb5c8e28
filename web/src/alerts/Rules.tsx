import { Link, useLocation } from 'wouter';
import { Empty } from '../anomalies/Quiet';
import type { Alert, Rule } from '../api/types';
import { safeText } from '../text/safe';
import { Icon } from '../ui/Icon';
import { alertsHref, newRuleHref } from './alertsUrl';
import { RuleEditor } from './RuleEditor';
import { ruleText } from './ruleForm';
import { SeverityChip, StateChip } from './Severity';
import type { Actions } from './useActions';
import { When } from './When';

/** Searches that are a good first rule anywhere. */
const FIRST_RULES = [
  { q: 'level>=error', words: 'Many errors of a service' },
  { q: 'level:fatal', words: 'Anything fatal' },
];

interface Props {
  rules: readonly Rule[];
  open: readonly Alert[];
  edit: string;
  q: string;
  actions: Actions;
}

/** Every rule with its state; one of them, or a new one, in the editor. */
export function Rules({ rules, open, edit, q, actions }: Props) {
  const [, navigate] = useLocation();
  const close = () => navigate(alertsHref({ view: 'rules' }));
  const edited = rules.find(({ id }) => id === edit);
  if (edit === 'new' || edited) {
    return <RuleEditor key={edit + q} rule={edit === 'new' ? undefined : edited} q={q} rules={rules} onClose={close} />;
  }
  if (rules.length === 0) {
    return (
      <Empty title="No rules yet">
        <p className="muted">
          A rule says what you want to be told about: a search, and how often, how rarely or in what order its records
          have to come. Begin with one of these; you see what it would have said before it is saved.
        </p>
        <p className="first-rules">
          {FIRST_RULES.map(({ q: condition, words }) => (
            <Link key={condition} className="button" href={newRuleHref(condition)}>
              {words}
            </Link>
          ))}
        </p>
      </Empty>
    );
  }
  return (
    <>
      {edit && <p className="problem">There is no rule {edit}.</p>}
      <ul className="rule-list">
        {rules.map((rule) => (
          <RuleRow key={rule.id} rule={rule} open={open.filter((alert) => alert.rule === rule.id)} actions={actions} />
        ))}
      </ul>
    </>
  );
}

function RuleRow({ rule, open, actions }: { rule: Rule; open: readonly Alert[]; actions: Actions }) {
  const on = rule.enabled !== false;
  const own = rule.source === 'api' || !rule.source;
  const latest = open[0];
  return (
    <li className="rule" data-on={on}>
      <SeverityChip severity={rule.severity} />
      <div className="rule-words">
        <h2>
          <Link href={alertsHref({ view: 'rules', edit: rule.id })}>{safeText(rule.name)}</Link>
        </h2>
        <p className="muted">{safeText(ruleText(rule))}</p>
        {latest && (
          <p>
            {open.length === 1 ? 'One alert' : `${open.length} alerts`} open, the latest{' '}
            <Link href={alertsHref({}, latest.incident)}>
              <When time={latest.detected} />
            </Link>
          </p>
        )}
      </div>
      <StateChip state={stateOf(on, open.length > 0)} />
      <span className="rule-actions">
        <button
          type="button"
          className="button quiet"
          onClick={() => actions.keepRule({ ...rule, enabled: !on })}
          aria-label={`${on ? 'Turn off' : 'Turn on'}: ${rule.name}`}
        >
          {on ? 'Turn off' : 'Turn on'}
        </button>
        {own && (
          <button
            type="button"
            className="icon-button"
            title="Delete"
            aria-label={`Delete ${rule.name}`}
            onClick={() => actions.deleteRule(rule)}
          >
            <Icon name="close" />
          </button>
        )}
      </span>
    </li>
  );
}

function stateOf(on: boolean, firing: boolean): string {
  if (!on) return 'off';
  return firing ? 'firing' : 'ok';
}
