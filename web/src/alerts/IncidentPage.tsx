import './alerts.css';
import { type FormEvent, useState } from 'react';
import { Link, useSearch } from 'wouter';
import { ApiError, Unreachable } from '../api/errors';
import type { Alert, IncidentDetail } from '../api/types';
import { useCommands } from '../app/commands';
import { FailureNote } from '../explore/FailureNote';
import { safeText } from '../text/safe';
import { formatInstant, MINUTE_NS, parseInstant } from '../time/instant';
import { Icon } from '../ui/Icon';
import { DEFAULT_STATE, exploreHref } from '../url';
import { alertsHref, decodeAlerts } from './alertsUrl';
import { IncidentFacts } from './IncidentRow';
import { SeverityMark, StateChip } from './marks';
import { SilenceDialog } from './SilenceDialog';
import { AlertsSkeleton } from './Skeleton';
import { Timeline } from './Timeline';
import { canAcknowledge, useActions, useIncident } from './useAlerting';

/** One incident by its address: what is wrong, what was done, and what can be done. */
export default function IncidentPage({ id }: { id: string }) {
  const state = decodeAlerts(useSearch());
  const asked = useIncident(id);
  const found = asked.data;
  return (
    <div className="page alerts">
      <p className="alerts-back">
        <Link href={alertsHref(state)}>‹ All incidents</Link>
      </p>
      {asked.isPending && <AlertsSkeleton label="Loading the incident" />}
      {found && <Whole incident={found} />}
      {asked.error && !found && <Problem error={asked.error} onRetry={() => void asked.refetch()} />}
    </div>
  );
}

function Whole({ incident }: { incident: IncidentDetail }) {
  const { acknowledge, resolve, comment } = useActions(incident.id);
  const [silencing, setSilencing] = useState(false);
  const [text, setText] = useState('');
  const over = incident.state === 'resolved';
  useCommands({
    acknowledge: () => (canAcknowledge(incident) ? acknowledge.mutate(undefined) : false),
    resolve: () => (over ? false : resolve.mutate(undefined)),
    silence: () => setSilencing(true),
  });
  const say = (event: FormEvent) => {
    event.preventDefault();
    if (text.trim()) comment.mutate(text.trim(), { onSuccess: () => setText('') });
  };
  return (
    <>
      <header className="incident-head">
        <SeverityMark severity={incident.severity} />
        <div className="incident-words">
          <h1>{safeText(incident.title)}</h1>
          <IncidentFacts incident={incident} />
        </div>
        <StateChip state={incident.state} by={incident.acknowledged_by} />
      </header>
      <div className="incident-buttons">
        {canAcknowledge(incident) && (
          <button
            type="button"
            className="button primary"
            title="Acknowledge (a)"
            onClick={() => acknowledge.mutate(undefined)}
          >
            Acknowledge
          </button>
        )}
        {!over && (
          <button type="button" className="button" title="It is over (r)" onClick={() => resolve.mutate(undefined)}>
            Resolve
          </button>
        )}
        <button
          type="button"
          className="button"
          title="Silence alerts like these (s)"
          onClick={() => setSilencing(true)}
        >
          Silence…
        </button>
        <Link className="button" href={around(incident)}>
          <Icon name="explore" />
          Lines around it
        </Link>
      </div>
      <section className="incident-part" aria-label="Alerts of this incident">
        <h2>Alerts</h2>
        <ul className="member-list">
          {incident.members.map((alert) => (
            <Member key={alert.key} alert={alert} />
          ))}
        </ul>
      </section>
      <section className="incident-part" aria-label="Timeline">
        <h2>Timeline</h2>
        <Timeline entries={incident.timeline} notifications={incident.notifications} />
        {!over && (
          <form className="comment-form" onSubmit={say}>
            <input
              aria-label="Comment"
              className="entry"
              placeholder="What you found, for whoever looks next"
              maxLength={4_000}
              value={text}
              onChange={(event) => setText(event.target.value)}
            />
            <button type="submit" className="button" disabled={comment.isPending || !text.trim()}>
              Comment
            </button>
          </form>
        )}
      </section>
      <SilenceDialog open={silencing} onClose={() => setSilencing(false)} given={matchersOf(incident)} />
    </>
  );
}

function Member({ alert }: { alert: Alert }) {
  const labels = Object.entries(alert.labels).filter(([name]) => name !== 'rule' && name !== 'severity');
  return (
    <li className="member" data-state={alert.state}>
      <p className="member-statement">
        <SeverityMark severity={alert.severity} />
        <span>{safeText(alert.statement || alert.title)}</span>
        <StateChip state={alert.state} />
      </p>
      <p className="member-facts muted">
        {[alert.rule, ...labels.map(([name, value]) => `${name}=${value}`)].map(safeText).join(' · ')}
        {alert.times_opened > 1 && ` · began ${alert.times_opened} times`}
        {alert.flapping && ' · flapping'}
      </p>
      {alert.examples.slice(0, 2).map((example) => (
        <pre key={example} className="member-example">
          {safeText(example)}
        </pre>
      ))}
      {alert.query && (
        <Link className="member-lines" href={linesOf(alert)}>
          Show the lines
        </Link>
      )}
    </li>
  );
}

/** From a little before an alert began until it was seen last. */
function linesOf(alert: Alert): string {
  const opened = parseInstant(alert.opened) ?? 0n;
  const seen = parseInstant(alert.resolved ?? alert.seen) ?? opened;
  const range = { from: formatInstant(opened - 10n * MINUTE_NS), to: formatInstant(seen + MINUTE_NS) };
  return exploreHref({ ...DEFAULT_STATE, q: alert.query, ...range });
}

function around(incident: IncidentDetail): string {
  const services = incident.services.map((name) => JSON.stringify(name));
  const q =
    services.length === 0 ? '' : `service:${services.length === 1 ? services[0] : `(${services.join(' or ')})`}`;
  const from = (parseInstant(incident.opened) ?? 0n) - 15n * MINUTE_NS;
  const to = incident.resolved ? formatInstant((parseInstant(incident.resolved) ?? 0n) + MINUTE_NS) : 'now';
  return exploreHref({ ...DEFAULT_STATE, q, from: formatInstant(from), to });
}

/** What tells alerts like these from all others. */
function matchersOf(incident: IncidentDetail): Record<string, string> {
  const [rule, ...others] = incident.rules;
  const [service, ...elsewhere] = incident.services;
  return {
    ...(rule && others.length === 0 ? { rule } : {}),
    ...(service && elsewhere.length === 0 ? { service } : {}),
  };
}

function Problem({ error, onRetry }: { error: Error; onRetry(): void }) {
  if (error instanceof ApiError && error.status === 404) {
    return (
      <div className="empty alerts-empty">
        <h2>There is no such incident</h2>
        <p className="muted">The link may be mistyped, or the incident is older than what is kept.</p>
      </div>
    );
  }
  if (error instanceof Unreachable) return <p className="muted">The incident is shown when the node answers again.</p>;
  return <FailureNote error={error} q="" onRetry={onRetry} />;
}
