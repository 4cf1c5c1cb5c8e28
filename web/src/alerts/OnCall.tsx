import { Empty } from '../anomalies/Quiet';
import type { OnCallSchedule, Turn } from '../api/types';
import { safeText } from '../text/safe';
import { When } from './When';

const SHOWN_TURNS = 5;

/** Who is on call by each schedule, until when, and whose turns come next. */
export function OnCall({ schedules }: { schedules: readonly OnCallSchedule[] }) {
  if (schedules.length === 0) {
    return (
      <Empty title="There is no on-call schedule">
        <p className="muted">
          Tables <code>[[user]]</code>, <code>[[schedule]]</code> and <code>[[escalation]]</code> of the file that{' '}
          <code>alerting.file</code> names say who is on call and whom to tell when nobody acknowledges.
        </p>
      </Empty>
    );
  }
  return (
    <ul className="rule-list">
      {schedules.map((each) => (
        <li key={each.schedule} className="rule">
          <div className="rule-words on-call">
            <h2>{safeText(each.schedule)}</h2>
            <p>
              <Person user={each.user} /> {each.user ? 'is on call' : 'is on call: steps that ask this schedule go on'}
              {each.until && (
                <>
                  {' until '}
                  <When time={each.until} />
                </>
              )}
            </p>
            <p className="muted">
              {each.source && `by ${safeText(each.source)} · `}
              {each.channels.length > 0 && `reached by ${each.channels.map(safeText).join(', ')} · `}
              {safeText(each.timezone)}
            </p>
            <Coming turns={each.turns.slice(1)} />
          </div>
        </li>
      ))}
    </ul>
  );
}

function Coming({ turns }: { turns: readonly Turn[] }) {
  if (turns.length === 0) return null;
  return (
    <ol className="timeline" aria-label="Next turns">
      {turns.slice(0, SHOWN_TURNS).map((turn) => (
        <li key={turn.from}>
          <span className="muted">
            from <When time={turn.from} />
          </span>
          <span>
            <Person user={turn.user} />
            {turn.source === 'override' && <span className="muted"> by override</span>}
          </span>
        </li>
      ))}
    </ol>
  );
}

function Person({ user }: { user: string }) {
  return user ? <strong>{safeText(user)}</strong> : <strong className="problem">Nobody</strong>;
}
