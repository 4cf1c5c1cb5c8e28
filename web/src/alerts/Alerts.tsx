import '../anomalies/anomalies.css';
import './alerts.css';
import { useState } from 'react';
import { Link, useLocation, useSearch } from 'wouter';
import { Empty } from '../anomalies/Quiet';
import type { Incident } from '../api/types';
import { useCommands } from '../app/commands';
import { FailureNote } from '../explore/FailureNote';
import { plural } from '../ui/format';
import { Icon } from '../ui/Icon';
import { type AlertsState, alertsHref, decodeAlerts, newRuleHref, VIEWS, type View } from './alertsUrl';
import { IncidentCard } from './IncidentCard';
import { OnCall } from './OnCall';
import { Rules } from './Rules';
import { Silences } from './Silences';
import { AlertsSkeleton } from './Skeleton';
import { ThisBrowser } from './ThisBrowser';
import { type Actions, useActions } from './useActions';
import { MOST_INCIDENTS, useIncidents, useOnCall, useOpenAlerts, useRules, useSilences } from './useAlerts';

const VIEW_NAMES: Record<View, string> = {
  incidents: 'Incidents',
  oncall: 'On call',
  rules: 'Rules',
  silences: 'Silences',
};

/** What somebody has to know now, what makes it so, and what is not told for a while. */
export default function Alerts() {
  const state = decodeAlerts(useSearch());
  const actions = useActions();
  return (
    <div className="page alerts">
      <header className="anomalies-head">
        <h1>Alerts</h1>
        <nav className="alert-views" aria-label="Views of alerts">
          {VIEWS.map((view) => (
            <Link key={view} href={alertsHref({ view })} aria-current={state.view === view ? 'page' : undefined}>
              {VIEW_NAMES[view]}
            </Link>
          ))}
        </nav>
        <Link className="button" href={newRuleHref()}>
          <Icon name="plus" />
          New rule
        </Link>
      </header>
      {state.view === 'incidents' && <IncidentsView state={state} actions={actions} />}
      {state.view === 'oncall' && <OnCallView />}
      {state.view === 'rules' && <RulesView state={state} actions={actions} />}
      {state.view === 'silences' && <SilencesView actions={actions} />}
    </div>
  );
}

interface ViewProps {
  state: AlertsState;
  actions: Actions;
}

function IncidentsView({ state, actions }: ViewProps) {
  const [, navigate] = useLocation();
  const [selected, select] = useState('');
  const asked = useIncidents(state.all);
  const found = asked.data?.data ?? [];
  useListKeys(found, selected, select);
  return (
    <>
      <label className="check">
        <input
          type="checkbox"
          checked={state.all}
          onChange={(event) => navigate(alertsHref({ all: event.target.checked }))}
        />
        Show resolved ones, too
      </label>
      {asked.error && <FailureNote error={asked.error} q="" onRetry={() => void asked.refetch()} />}
      {asked.isPending && <AlertsSkeleton />}
      {asked.data && (
        <p className="sr-only" role="status">
          {plural(found.length, 'incident')}
        </p>
      )}
      {asked.data && found.length === 0 && <NoIncidents all={state.all} />}
      <div className="incident-list">
        {found.map((incident) => (
          <IncidentCard
            key={incident.id}
            incident={incident}
            all={state.all}
            selected={incident.id === selected}
            actions={actions}
            onSelect={() => select(incident.id)}
            onOpen={() => navigate(alertsHref({ all: state.all }, incident.id))}
          />
        ))}
      </div>
      {found.length >= MOST_INCIDENTS && <p className="muted">The newest {MOST_INCIDENTS} are shown.</p>}
    </>
  );
}

/** Walking through the incidents; what the chosen one's keys do is its card's. */
function useListKeys(found: readonly Incident[], selected: string, select: (id: string) => void): void {
  const at = found.findIndex(({ id }) => id === selected);
  const move = (place: number) => {
    const target = found[Math.min(found.length - 1, Math.max(0, place))];
    return target ? select(target.id) : false;
  };
  useCommands({
    lineDown: () => move(at + 1),
    lineUp: () => move(at < 0 ? 0 : at - 1),
    first: () => move(0),
    last: () => move(found.length - 1),
  });
}

function NoIncidents({ all }: { all: boolean }) {
  return (
    <Empty title={all ? 'There was no incident yet' : 'No open incidents'}>
      <p className="muted">
        What rules find and what detection notices becomes an alert. Alerts of one cause are one incident, and you are
        told once.
      </p>
      <p className="first-rules">
        <Link className="button" href={newRuleHref('level>=error')}>
          Make a rule about errors
        </Link>
        <Link className="button quiet" href="/anomalies">
          What detection noticed
        </Link>
      </p>
    </Empty>
  );
}

function OnCallView() {
  const asked = useOnCall();
  if (asked.error && !asked.data) return <FailureNote error={asked.error} q="" onRetry={() => void asked.refetch()} />;
  if (!asked.data) return <AlertsSkeleton />;
  return (
    <>
      <OnCall schedules={asked.data.data} />
      <ThisBrowser />
    </>
  );
}

function RulesView({ state, actions }: ViewProps) {
  const asked = useRules();
  const open = useOpenAlerts().data?.data ?? [];
  if (asked.error && !asked.data) return <FailureNote error={asked.error} q="" onRetry={() => void asked.refetch()} />;
  if (!asked.data) return <AlertsSkeleton />;
  return <Rules rules={asked.data.data} open={open} edit={state.edit} q={state.q} actions={actions} />;
}

function SilencesView({ actions }: { actions: Actions }) {
  const asked = useSilences();
  if (asked.error && !asked.data) return <FailureNote error={asked.error} q="" onRetry={() => void asked.refetch()} />;
  if (!asked.data) return <AlertsSkeleton />;
  return <Silences silences={asked.data.data} actions={actions} />;
}
