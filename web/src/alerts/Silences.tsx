import { Empty } from '../anomalies/Quiet';
import type { Silence } from '../api/types';
import { safeText } from '../text/safe';
import { nowNs, parseInstant } from '../time/instant';
import { matchersText } from './matchers';
import type { Actions } from './useActions';
import { When } from './When';

/** Silences in force or to come; the ended ones are history of no use here. */
export function Silences({ silences, actions }: { silences: readonly Silence[]; actions: Actions }) {
  const now = nowNs();
  const current = silences.filter(({ end }) => (parseInstant(end) ?? 0n) > now);
  if (current.length === 0) {
    return (
      <Empty title="Nothing is silenced">
        <p className="muted">
          A silence keeps alerts from being told while work is planned: press “Silence” at an incident, or run{' '}
          <code>heimdall alerts silence service=payment --for 2h</code>
        </p>
      </Empty>
    );
  }
  return (
    <ul className="rule-list">
      {current.map((silence) => (
        <li key={silence.id} className="rule">
          <div className="rule-words">
            <h2>{safeText(matchersText(silence.matchers))}</h2>
            <p className="muted">
              until <When time={silence.end} />
              {silence.author && ` · by ${safeText(silence.author)}`}
              {silence.comment && ` · ${safeText(silence.comment)}`}
            </p>
          </div>
          <button type="button" className="button" onClick={() => actions.endSilence(silence.id)}>
            End it now
          </button>
        </li>
      ))}
    </ul>
  );
}
