import '../anomalies/anomalies.css';
import './alerts.css';
import { type FormEvent, useState } from 'react';
import { Link, useSearch } from 'wouter';
import { Empty } from '../anomalies/Quiet';
import { ApiError, Unreachable } from '../api/errors';
import type { IncidentDetail } from '../api/types';
import { FailureNote } from '../explore/FailureNote';
import { safeText } from '../text/safe';
import { ActionRuns } from './ActionRuns';
import { alertsHref, decodeAlerts } from './alertsUrl';
import { IncidentActions } from './IncidentActions';
import { IncidentFacts } from './IncidentCard';
import { Members } from './Members';
import { SeverityChip, StateChip } from './Severity';
import { AlertsSkeleton } from './Skeleton';
import { type Actions, useActions } from './useActions';
import { useIncident } from './useAlerts';
import { When } from './When';

/** One incident by its address: what belongs to it, what happened, who was told. */
export default function IncidentPage({ id }: { id: string }) {
  const { all } = decodeAlerts(useSearch());
  const actions = useActions();
  const asked = useIncident(id);
  const incident = asked.data;
  return (
    <div className="page alerts">
      <p className="finding-back">
        <Link href={alertsHref({ all })}>‹ All incidents</Link>
      </p>
      {asked.isPending && <AlertsSkeleton />}
      {asked.error && !incident && <Problem error={asked.error} onRetry={() => void asked.refetch()} />}
      {incident && (
        <>
          <article className="incident" data-state={incident.state}>
            <header className="incident-head">
              <SeverityChip severity={incident.severity} />
              <h1>{safeText(incident.title)}</h1>
              <StateChip state={incident.state} />
            </header>
            <IncidentFacts incident={incident} />
            <IncidentActions incident={incident} keys actions={actions} />
          </article>
          <ActionRuns incident={incident.id} actions={actions} />
          <Members alerts={incident.members} />
          <Timeline incident={incident} actions={actions} />
          {incident.notifications.length > 0 && <Told incident={incident} />}
        </>
      )}
    </div>
  );
}

function Timeline({ incident, actions }: { incident: IncidentDetail; actions: Actions }) {
  const [text, setText] = useState('');
  const send = (event: FormEvent) => {
    event.preventDefault();
    if (!text.trim()) return;
    actions.comment(incident, text.trim());
    setText('');
  };
  return (
    <section className="incident-part" aria-labelledby="timeline-title">
      <h2 id="timeline-title">Timeline</h2>
      <ol className="timeline">
        {incident.timeline.map((entry, at) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: entries are only ever added, and two may be alike
          <li key={at} data-kind={entry.kind}>
            <span className="muted">
              <When time={entry.time} />
            </span>
            <span>
              <strong>{entry.kind.replaceAll('_', ' ')}</strong> {safeText(entry.text)}
              {entry.author && <span className="muted"> by {safeText(entry.author)}</span>}
            </span>
          </li>
        ))}
      </ol>
      {incident.state !== 'resolved' && (
        <form className="comment" onSubmit={send}>
          <input
            aria-label="Comment"
            placeholder="What is known, what was tried"
            maxLength={4000}
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
          <button type="submit" className="button">
            Comment
          </button>
        </form>
      )}
    </section>
  );
}

function Told({ incident }: { incident: IncidentDetail }) {
  return (
    <section className="incident-part" aria-labelledby="told-title">
      <h2 id="told-title">Who was told</h2>
      <ul className="told">
        {incident.notifications.map((each) => (
          <li key={each.key}>
            <strong>{each.channel}</strong> {each.state}, made <When time={each.made} />
            {each.attempts > 1 && `, ${each.attempts} attempts`}
            {each.reason && <span className="problem"> {safeText(each.reason)}</span>}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Problem({ error, onRetry }: { error: Error; onRetry(): void }) {
  if (error instanceof ApiError && error.status === 404) {
    return (
      <Empty title="There is no such incident">
        <p className="muted">The link may be mistyped, or the incident is older than what is kept.</p>
      </Empty>
    );
  }
  if (error instanceof Unreachable) return <Empty title="The incident is shown when the node answers again" />;
  return <FailureNote error={error} q="" onRetry={onRetry} />;
}
