import './alerts.css';
import { Link, useLocation, useSearch } from 'wouter';
import { type AlertsState, alertsHref, decodeAlerts, VIEWS } from './alertsUrl';
import { Incidents } from './Incidents';
import { Rules } from './Rules';
import { Silences } from './Silences';

const LABELS = { incidents: 'Incidents', rules: 'Rules', silences: 'Silences' } as const;

/** Who has to be told of what: incidents, the rules that find them, and what is silenced. */
export default function Alerts() {
  const state = decodeAlerts(useSearch());
  const [, navigate] = useLocation();
  const update = (change: Partial<AlertsState>) => navigate(alertsHref({ ...state, ...change }));
  return (
    <div className="page alerts">
      <header className="alerts-head">
        <h1>Alerts</h1>
        <nav className="alerts-views" aria-label="Views of this page">
          {VIEWS.map((view) => (
            <Link
              key={view}
              className="alerts-view"
              href={alertsHref({ view })}
              aria-current={state.view === view ? 'page' : undefined}
            >
              {LABELS[view]}
            </Link>
          ))}
        </nav>
      </header>
      {state.view === 'incidents' && <Incidents state={state} onChange={update} />}
      {state.view === 'rules' && <Rules state={state} onChange={update} />}
      {state.view === 'silences' && <Silences />}
    </div>
  );
}
