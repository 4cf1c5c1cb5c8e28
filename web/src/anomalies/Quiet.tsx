import { Link } from 'wouter';
import { displayInstant } from '../time/instant';
import { displaySpan, rangeLabel } from '../time/range';
import { plural } from '../ui/format';
import type { AnomaliesState } from './anomaliesUrl';
import { kindSign } from './kinds';
import { LEARNING_NS, type Watched, waitingNs } from './watched';

interface Props {
  state: AnomaliesState;
  watched: Watched | undefined;
  judgedUntil: bigint | null;
  onChange(change: Partial<AnomaliesState>): void;
}

/** No finding to show: says why, and what that silence is worth. */
export function Quiet({ state, watched, judgedUntil, onChange }: Props) {
  if (state.service || state.kind) return <NothingMatches state={state} onChange={onChange} />;
  if (!watched) return <Empty title={`No findings (${rangeLabel(state, state.tz)})`} />;
  if (watched.services.length === 0) return <NothingCame state={state} onChange={onChange} />;
  if (watched.learning.length === watched.services.length) return <Learning watched={watched} />;
  if (judgedUntil === null || judgedUntil <= watched.first) return <NotJudged state={state} watched={watched} />;
  return (
    <Empty title={`Nothing unusual (${rangeLabel(state, state.tz)})`}>
      <p>{watchedText(watched, state)}</p>
      <WaitingNote watched={watched} judgedUntil={judgedUntil} state={state} />
      <p className="muted">
        Weak signs stay below the alert budget, <code>detect.watch.budget.alerts_per_service_day</code>; a higher one
        shows more of them.
      </p>
      <LearningNote watched={watched} />
    </Empty>
  );
}

export function watchedText(watched: Watched, { tz }: AnomaliesState): string {
  const { services, records, first, last, spanNs } = watched;
  const from = displayInstant(first, tz, 0);
  const to = displayInstant(last, tz, 0);
  const end = from.slice(0, 10) === to.slice(0, 10) ? to.slice(11) : to;
  return `Watched ${plural(services.length, 'service')}, ${plural(records, 'record')} over ${displaySpan(spanNs)}: ${from} – ${end}.`;
}

/** Records that came in faster than they are judged, as history does: silence about them means nothing yet. */
export function WaitingNote({
  watched,
  judgedUntil,
  state,
}: Pick<Props, 'judgedUntil' | 'state'> & { watched: Watched }) {
  const waiting = waitingNs(watched, judgedUntil);
  if (waiting === 0n || judgedUntil === null || waiting === null) return null;
  return (
    <p className="waiting-note">
      Judged up to {displayInstant(judgedUntil, state.tz, 0)}. The {displaySpan(waiting)} of records after that wait for
      it; findings about them follow.
    </p>
  );
}

function NotJudged({ state, watched }: { state: AnomaliesState; watched: Watched }) {
  return (
    <Empty title={`Not judged yet (${rangeLabel(state, state.tz)})`}>
      <p>{watchedText(watched, state)}</p>
      <p className="muted">
        Live records are judged within seconds. History is judged little by little, its newest hours when later records
        have come.
      </p>
    </Empty>
  );
}

/** Which services are too new to be judged. */
export function LearningNote({ watched }: { watched: Watched }) {
  const names = watched.learning.map(({ service }) => service);
  if (names.length === 0) return null;
  const shown = names.slice(0, 5).join(', ') + (names.length > 5 ? ` and ${names.length - 5} more` : '');
  return <p className="muted">Fewer than 5 minutes of records, so not judged yet: {shown}.</p>;
}

function Learning({ watched }: { watched: Watched }) {
  const spans = watched.services.map(({ first, last }) => Number(last - first));
  const longest = Math.max(...spans);
  return (
    <Empty title={`Learning: ${displaySpan(BigInt(longest))} of 5 min`}>
      <progress value={longest} max={Number(LEARNING_NS)} aria-label="Records seen of the five minutes needed" />
      <p className="muted">
        A service is judged from its fifth minute on. Longer watching makes findings surer; nothing has to be set up.
      </p>
    </Empty>
  );
}

function NothingCame({ state, onChange }: Pick<Props, 'state' | 'onChange'>) {
  return (
    <Empty title={`No records (${rangeLabel(state, state.tz)})`}>
      <p className="muted">Nothing came in, so there was nothing to judge.</p>
      {state.from !== 'all' && (
        <button type="button" className="button" onClick={() => onChange({ from: 'all', to: 'now' })}>
          Look at all time
        </button>
      )}
      <p className="muted">
        No logs yet? <Link href="/start">Send some</Link>
      </p>
    </Empty>
  );
}

function NothingMatches({ state, onChange }: Pick<Props, 'state' | 'onChange'>) {
  const what = state.kind ? ` of the kind “${kindSign(state.kind).word}”` : '';
  const whom = state.service ? ` about ${state.service}` : '';
  return (
    <Empty title={`No finding${what}${whom} (${rangeLabel(state, state.tz)})`}>
      <button type="button" className="button" onClick={() => onChange({ service: '', kind: '' })}>
        Show all findings of this range
      </button>
    </Empty>
  );
}

export function Empty({ title, children }: { title: string; children?: React.ReactNode }) {
  return (
    <div className="empty anomalies-empty">
      <h2>{title}</h2>
      {children}
    </div>
  );
}
