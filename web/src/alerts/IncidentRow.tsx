import { useLayoutEffect, useRef } from 'react';
import { Link } from 'wouter';
import type { Incident } from '../api/types';
import { useCommands } from '../app/commands';
import { safeText } from '../text/safe';
import { nowNs, parseInstant } from '../time/instant';
import { displaySpan } from '../time/range';
import { plural } from '../ui/format';
import { SeverityMark, StateChip } from './marks';
import { canAcknowledge, useActions } from './useAlerting';
import { causeText } from './words';

interface Props {
  incident: Incident;
  href: string;
  selected: boolean;
  onSelect(): void;
}

/** One incident of the list: how bad, what, where, since when, and who has it in hand. */
export function IncidentRow({ incident, href, selected, onSelect }: Props) {
  const { acknowledge, resolve } = useActions(incident.id);
  const place = useRef<HTMLLIElement>(null);
  const over = incident.state === 'resolved';
  useCommands({
    acknowledge: () => (selected && canAcknowledge(incident) ? acknowledge.mutate(undefined) : false),
    resolve: () => (selected && !over ? resolve.mutate(undefined) : false),
  });
  useLayoutEffect(() => {
    if (!selected) return;
    place.current?.scrollIntoView({ block: 'nearest' });
    place.current?.focus({ preventScroll: true });
  }, [selected]);
  return (
    <li
      ref={place}
      className="incident"
      id={`incident-${incident.id}`}
      data-severity={incident.severity}
      data-state={incident.state}
      aria-current={selected ? 'true' : undefined}
      tabIndex={-1}
      onFocus={onSelect}
    >
      <SeverityMark severity={incident.severity} />
      <div className="incident-words">
        <h2>
          <Link href={href}>{safeText(incident.title)}</Link>
        </h2>
        <IncidentFacts incident={incident} />
      </div>
      <StateChip state={incident.state} by={incident.acknowledged_by} />
      <div className="incident-actions">
        {canAcknowledge(incident) && (
          <button
            type="button"
            className="button"
            title="Acknowledge (a)"
            onClick={() => acknowledge.mutate(undefined)}
          >
            Acknowledge
          </button>
        )}
      </div>
    </li>
  );
}

export function IncidentFacts({ incident }: { incident: Incident }) {
  const facts = [
    incident.services.slice(0, 4).join(', ') + (incident.services.length > 4 ? ' …' : ''),
    causeText(incident),
    incident.state === 'resolved'
      ? plural(incident.alerts, 'alert')
      : `${incident.open_alerts} of ${plural(incident.alerts, 'alert')} open`,
    timeText(incident),
    incident.channels.length > 0 ? `told to ${incident.channels.join(', ')}` : '',
  ].filter(Boolean);
  return (
    <ul className="incident-facts muted">
      {facts.map((fact) => (
        <li key={fact}>{safeText(fact)}</li>
      ))}
    </ul>
  );
}

function timeText({ opened, resolved }: Incident): string {
  const from = parseInstant(opened) ?? 0n;
  if (resolved) return `lasted ${displaySpan(atLeast((parseInstant(resolved) ?? from) - from))}`;
  return `for ${displaySpan(atLeast(nowNs() - from))}`;
}

const atLeast = (span: bigint): bigint => (span < 1_000_000_000n ? 1_000_000_000n : span);
