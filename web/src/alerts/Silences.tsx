import { useState } from 'react';
import { endSilence } from '../api/client';
import type { Silence } from '../api/types';
import { useCommands } from '../app/commands';
import { FailureNote } from '../explore/FailureNote';
import { safeText } from '../text/safe';
import { displayInstant, nowNs, parseInstant } from '../time/instant';
import { displaySpan } from '../time/range';
import { matcherText, SilenceDialog } from './SilenceDialog';
import { AlertsSkeleton } from './Skeleton';
import { useChange, useSilences } from './useAlerting';

/** What nobody is told of, and until when. */
export function Silences() {
  const asked = useSilences();
  const [making, setMaking] = useState(false);
  const end = useChange(
    ({ id }: Silence) => endSilence(id),
    () => 'Ended: alerts are told again',
  );
  useCommands({ silence: () => setMaking(true) });
  const now = nowNs();
  const found = (asked.data?.data ?? []).filter(({ end: until }) => (parseInstant(until) ?? 0n) > now);
  return (
    <section className="alerts-section" aria-label="Silences">
      <div className="alerts-tools">
        <p className="muted">Alerts that match are kept and shown; nobody is told of them.</p>
        <button type="button" className="button" title="Silence alerts (s)" onClick={() => setMaking(true)}>
          Silence…
        </button>
      </div>
      {asked.error && <FailureNote error={asked.error} q="" onRetry={() => void asked.refetch()} />}
      {asked.isPending && <AlertsSkeleton label="Loading silences" />}
      <ul className="rule-list">
        {found.map((silence) => (
          <li key={silence.id} className="rule">
            <div className="rule-words">
              <h2>
                <code>{safeText(matcherText(silence.matchers)) || 'every alert'}</code>
              </h2>
              <p className="muted">
                {left(silence, now)}
                {silence.comment && ` · ${safeText(silence.comment)}`}
                {silence.author && ` · ${safeText(silence.author)}`}
              </p>
            </div>
            <button type="button" className="button" onClick={() => end.mutate(silence)}>
              End now
            </button>
          </li>
        ))}
      </ul>
      {asked.data && found.length === 0 && (
        <div className="empty alerts-empty">
          <h2>Nothing is silenced</h2>
          <p className="muted">Before planned work, silence what it will set off.</p>
        </div>
      )}
      <SilenceDialog open={making} onClose={() => setMaking(false)} />
    </section>
  );
}

function left({ start, end }: Silence, now: bigint): string {
  const from = parseInstant(start) ?? 0n;
  const to = parseInstant(end) ?? 0n;
  const until = `until ${displayInstant(to, 'local', 0)}`;
  return from > now ? `from ${displayInstant(from, 'local', 0)} ${until}` : `${displaySpan(to - now)} more, ${until}`;
}
