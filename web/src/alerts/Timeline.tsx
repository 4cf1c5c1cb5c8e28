import type { Notification, TimelineEntry } from '../api/types';
import { safeText } from '../text/safe';
import { displayInstant, parseInstant } from '../time/instant';
import { entryWord } from './words';

interface Props {
  entries: readonly TimelineEntry[];
  notifications: readonly Notification[];
}

/** What happened, oldest first; messages that still wait to be taken stand at the end. */
export function Timeline({ entries, notifications }: Props) {
  const waiting = notifications.filter(({ state }) => state === 'waiting' || state === 'pending');
  return (
    <ol className="timeline">
      {entries.map((entry) => (
        <li
          key={`${entry.time} ${entry.kind} ${entry.alert} ${entry.text}`}
          className="timeline-entry"
          data-kind={entry.kind}
        >
          <time className="number muted" dateTime={entry.time}>
            {displayInstant(parseInstant(entry.time) ?? 0n, 'local', 0)}
          </time>
          <span className="timeline-kind">{entryWord(entry.kind)}</span>
          <span className="timeline-text">
            {entry.kind === 'comment' && entry.author && <strong>{safeText(entry.author)}: </strong>}
            {safeText(entry.text)}
          </span>
        </li>
      ))}
      {waiting.map(({ key, channel, attempts, reason }) => (
        <li key={key} className="timeline-entry" data-kind="undelivered">
          <span className="muted">waiting</span>
          <span className="timeline-kind">{safeText(channel)}</span>
          <span className="timeline-text">
            tried {attempts === 1 ? 'once' : `${attempts} times`}
            {reason && `: ${safeText(reason)}`}
          </span>
        </li>
      ))}
    </ol>
  );
}
