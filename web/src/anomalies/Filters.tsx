import { TimePicker } from '../explore/TimePicker';
import type { AnomaliesState } from './anomaliesUrl';
import { KINDS, kindSign } from './kinds';

interface Props {
  state: AnomaliesState;
  /** To choose from; the chosen one is there even if it is silent. */
  services: readonly string[];
  onChange(change: Partial<AnomaliesState>): void;
}

export function Filters({ state, services, onChange }: Props) {
  const choices = [...new Set([...services, ...(state.service ? [state.service] : [])])].sort();
  return (
    <div className="anomaly-filters">
      <select
        aria-label="Service"
        value={state.service}
        onChange={(event) => onChange({ service: event.target.value })}
      >
        <option value="">All services</option>
        {choices.map((service) => (
          <option key={service}>{service}</option>
        ))}
      </select>
      <select aria-label="Kind" value={state.kind} onChange={(event) => onChange({ kind: event.target.value })}>
        <option value="">All kinds</option>
        {KINDS.map((kind) => (
          <option key={kind} value={kind}>
            {kindSign(kind).word}
          </option>
        ))}
      </select>
      <TimePicker range={state} zone={state.tz} onRange={onChange} onZone={(tz) => onChange({ tz })} />
    </div>
  );
}
