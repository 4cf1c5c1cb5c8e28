import { useState } from 'react';
import { Link, useLocation } from 'wouter';
import type { Incident } from '../api/types';
import { useCommands } from '../app/commands';
import { FailureNote } from '../explore/FailureNote';
import { Choice } from '../ui/Choice';
import { plural } from '../ui/format';
import { type AlertsState, alertsHref } from './alertsUrl';
import { IncidentRow } from './IncidentRow';
import { AlertsSkeleton } from './Skeleton';
import { useIncidents, useRules } from './useAlerting';

interface Props {
  state: AlertsState;
  onChange(change: Partial<AlertsState>): void;
}

/** Incidents, newest first; keys walk through them. */
export function Incidents({ state, onChange }: Props) {
  const asked = useIncidents(state.shown);
  const [selected, select] = useState('');
  const [, navigate] = useLocation();
  const found = asked.data?.data ?? [];
  const at = found.findIndex(({ id }) => id === selected);
  const move = (place: number) => {
    const target = found[Math.min(found.length - 1, Math.max(0, place))];
    if (!target) return false;
    select(target.id);
    return true;
  };
  useCommands({
    lineDown: () => move(at + 1),
    lineUp: () => move(at < 0 ? 0 : at - 1),
    first: () => move(0),
    last: () => move(found.length - 1),
    open: () => (selected ? navigate(alertsHref(state, selected)) : false),
  });
  return (
    <section className="alerts-section" aria-label="Incidents" data-stale={asked.isPlaceholderData}>
      <Choice
        label="Which incidents"
        value={state.shown}
        onChange={(shown) => onChange({ shown })}
        options={[
          ['open', 'Open'],
          ['resolved', 'Over'],
          ['all', 'All'],
        ]}
      />
      {asked.error && <FailureNote error={asked.error} q="" onRetry={() => void asked.refetch()} />}
      {asked.isPending && <AlertsSkeleton label="Loading incidents" />}
      {asked.data && (
        <>
          <p className="sr-only" role="status">
            {plural(found.length, 'incident')}
          </p>
          <ul className="incident-list">
            {found.map((incident: Incident) => (
              <IncidentRow
                key={incident.id}
                incident={incident}
                href={alertsHref(state, incident.id)}
                selected={incident.id === selected}
                onSelect={() => select(incident.id)}
              />
            ))}
          </ul>
          {found.length === 0 && <NoIncident state={state} />}
        </>
      )}
    </section>
  );
}

function NoIncident({ state }: { state: AlertsState }) {
  const rules = useRules().data?.data.filter(({ enabled }) => enabled !== false).length;
  return (
    <div className="empty alerts-empty">
      <h2>{state.shown === 'resolved' ? 'Nothing was over yet' : 'Nothing to act on'}</h2>
      {rules !== undefined && (
        <p>
          {rules === 0 ? 'No rule watches' : `${plural(rules, 'rule watches', 'rules watch')}`} what comes in, and
          detection tells of what is unusual by itself.
        </p>
      )}
      <p>
        {state.shown === 'open' && <Link href={alertsHref({ shown: 'all' })}>Look at all incidents</Link>}{' '}
        <Link href={alertsHref({ view: 'rules' })}>{rules === 0 ? 'Make the first rule' : 'Look at the rules'}</Link>
      </p>
    </div>
  );
}
