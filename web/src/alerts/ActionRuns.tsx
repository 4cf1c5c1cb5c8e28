import { useId, useState } from 'react';
import type { ActionRun } from '../api/types';
import { safeText } from '../text/safe';
import { StateChip } from './Severity';
import type { Actions } from './useActions';
import { useActionRuns } from './useAlerts';
import { When } from './When';

const UNDOABLE = new Set(['watching', 'kept', 'undo_failed']);

/** What was, is or would be done about an incident, and the buttons of whoever decides. */
export function ActionRuns({ incident, actions }: { incident: string; actions: Actions }) {
  const asked = useActionRuns(incident);
  const [author, setAuthor] = useState('');
  const [token, setToken] = useState('');
  const runs = asked.data?.data ?? [];
  if (runs.length === 0) return null;
  const stopped = asked.data?.stopped;
  return (
    <section className="incident-part" aria-labelledby="actions-title">
      <h2 id="actions-title">Actions</h2>
      {stopped && (
        <p className="problem">
          Nothing is changed: stopped by {safeText(stopped.author)} <When time={stopped.time} />
          {stopped.reason && `: ${safeText(stopped.reason)}`}
        </p>
      )}
      <ul className="members">
        {runs.map((run) => (
          <Run key={run.id} run={run} decide={(word) => actions.decide(run, word, author.trim(), token.trim())} />
        ))}
      </ul>
      {runs.some((run) => run.state === 'waiting' || canUndo(run)) && (
        <Who author={author} token={token} onAuthor={setAuthor} onToken={setToken} />
      )}
    </section>
  );
}

function Run({ run, decide }: { run: ActionRun; decide(word: 'approve' | 'reject' | 'undo'): void }) {
  return (
    <li className="member">
      <div className="incident-head">
        <strong>{safeText(run.action)}</strong>
        <p className="member-words">{safeText(run.does || run.target)}</p>
        <StateChip state={run.state.replaceAll('_', ' ')} title={safeText(run.reason)} />
      </div>
      <p className="muted">
        <When time={run.made} />
        {run.approved_by && ` · approved by ${safeText(run.approved_by)}`}
        {signal(run)}
      </p>
      {run.reason && run.reason !== run.does && <p className="muted">{safeText(run.reason)}</p>}
      {run.state === 'waiting' && (
        <>
          {run.undoes && <p className="muted">To undo it: {safeText(run.undoes)}</p>}
          <p className="member-links">
            <button type="button" className="button" onClick={() => decide('approve')}>
              Approve
            </button>
            <button type="button" className="button" onClick={() => decide('reject')}>
              Reject
            </button>
            {run.approve_until && (
              <span className="muted">
                until <When time={run.approve_until} />
              </span>
            )}
          </p>
        </>
      )}
      {canUndo(run) && (
        <p className="member-links">
          <button type="button" className="button" title={safeText(run.undoes)} onClick={() => decide('undo')}>
            Undo
          </button>
        </p>
      )}
    </li>
  );
}

interface WhoProps {
  author: string;
  token: string;
  onAuthor(author: string): void;
  onToken(token: string): void;
}

/** Who decides, and the token that the node may want for it: kept by this page alone, and no longer than it is open. */
function Who({ author, token, onAuthor, onToken }: WhoProps) {
  const name = useId();
  const secret = useId();
  return (
    <div className="comment">
      <label className="sr-only" htmlFor={name}>
        Your name
      </label>
      <input
        id={name}
        placeholder="Your name"
        maxLength={200}
        value={author}
        onChange={(event) => onAuthor(event.target.value)}
      />
      <label className="sr-only" htmlFor={secret}>
        Approval token
      </label>
      <input
        id={secret}
        type="password"
        autoComplete="off"
        placeholder="Approval token, if the node has one"
        value={token}
        onChange={(event) => onToken(event.target.value)}
      />
    </div>
  );
}

export function canUndo(run: Pick<ActionRun, 'state' | 'undoes'>): boolean {
  return run.undoes !== '' && UNDOABLE.has(run.state);
}

/** What the watched signal says, in words. */
export function signal(run: Pick<ActionRun, 'baseline' | 'measured'>): string {
  if (run.baseline === null) return '';
  const now = run.measured === null ? 'not measured since' : `${round(run.measured)} now`;
  return ` · signal ${round(run.baseline)} before, ${now}`;
}

function round(value: number): string {
  return String(Number(value.toPrecision(4)));
}
