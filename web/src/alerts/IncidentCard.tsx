import { Link } from 'wouter';
import type { Incident } from '../api/types';
import { useCommands } from '../app/commands';
import { safeText } from '../text/safe';
import { plural } from '../ui/format';
import { useChosen } from '../ui/useChosen';
import { alertsHref } from './alertsUrl';
import { EscalationFacts } from './Escalations';
import { IncidentActions } from './IncidentActions';
import { SeverityChip, StateChip } from './Severity';
import type { Actions } from './useActions';
import { When } from './When';

interface Props {
  incident: Incident;
  all: boolean;
  selected: boolean;
  actions: Actions;
  onSelect(): void;
  onOpen(): void;
}

/** One incident in the list: how bad, what, where, since when, and what to do about it. */
export function IncidentCard({ incident, all, selected, actions, onSelect, onOpen }: Props) {
  const place = useChosen(selected);
  useCommands({ open: () => (selected ? onOpen() : false) });
  const title = safeText(incident.title);
  return (
    <article
      ref={place}
      className="incident"
      tabIndex={-1}
      aria-label={title}
      aria-current={selected ? 'true' : undefined}
      data-state={incident.state}
      onFocus={onSelect}
    >
      <header className="incident-head">
        <SeverityChip severity={incident.severity} />
        <h2>
          <Link href={alertsHref({ all }, incident.id)}>{title}</Link>
        </h2>
        <StateChip state={incident.state} />
      </header>
      <IncidentFacts incident={incident} />
      <IncidentActions incident={incident} keys={selected} actions={actions} />
    </article>
  );
}

export function IncidentFacts({ incident }: { incident: Incident }) {
  const { services, owners, alerts, open_alerts, storm, channels, escalations, opened, resolved, acknowledged_by } =
    incident;
  const named = services.filter(Boolean);
  return (
    <ul className="incident-facts muted">
      {named.length > 0 && <li>{named.join(', ')}</li>}
      {owners.length > 0 && <li>owned by {safeText(owners.join(', '))}</li>}
      <li className="number">
        {plural(alerts, 'alert')}
        {open_alerts > 0 && open_alerts < alerts && `, ${open_alerts} open`}
      </li>
      {storm && <li title="So many incidents began at once that they are gathered here">storm</li>}
      <li>
        since <When time={opened} />
      </li>
      {resolved && (
        <li>
          over <When time={resolved} />
        </li>
      )}
      {acknowledged_by && <li>acknowledged by {acknowledged_by}</li>}
      <li>{channels.length > 0 ? `told to ${channels.join(', ')}` : 'told to no channel'}</li>
      <EscalationFacts escalations={escalations} />
    </ul>
  );
}
