import { useId, useState } from 'react';
import type { Incident } from '../api/types';
import { useCommands } from '../app/commands';
import { Icon } from '../ui/Icon';
import type { Actions } from './useActions';

const DURATIONS = ['30m', '2h', '8h', '1d', '7d'];
const SILENCE_KEY = '2h';

interface Props {
  incident: Incident;
  /** The keys of these actions are this incident's. */
  keys: boolean;
  actions: Actions;
}

/** Acknowledge, resolve, silence. */
export function IncidentActions({ incident, keys, actions }: Props) {
  const [duration, setDuration] = useState(SILENCE_KEY);
  const name = useId();
  const over = incident.state === 'resolved';
  const acknowledged = incident.state === 'acknowledged';
  const acknowledge = () => actions.acknowledge(incident);
  const resolve = () => actions.resolve(incident);
  useCommands({
    acknowledge: () => (keys && !over && !acknowledged ? acknowledge() : false),
    resolve: () => (keys && !over ? resolve() : false),
    silence: () => (keys ? actions.silence(incident, SILENCE_KEY) : false),
  });
  return (
    <footer className="incident-actions">
      {!over && (
        <>
          <button
            type="button"
            className="button"
            disabled={acknowledged}
            title="No more news (a)"
            onClick={acknowledge}
          >
            <Icon name="check" />
            {acknowledged ? 'Acknowledged' : 'Acknowledge'}
          </button>
          <button type="button" className="button" title="It is over (r)" onClick={resolve}>
            Resolve
          </button>
        </>
      )}
      <span className="silence-for">
        <button
          type="button"
          className="button"
          title="Tell nobody of its services for a while (s: two hours)"
          onClick={() => actions.silence(incident, duration)}
        >
          Silence
        </button>
        <label className="sr-only" htmlFor={name}>
          For how long
        </label>
        <select id={name} value={duration} onChange={(event) => setDuration(event.target.value)}>
          {DURATIONS.map((each) => (
            <option key={each} value={each}>
              {each}
            </option>
          ))}
        </select>
      </span>
    </footer>
  );
}
