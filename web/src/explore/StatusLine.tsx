import { useEffect, useState } from 'react';
import { count, milliseconds, plural } from '../ui/format';
import type { Result } from './useResult';

/** A query gets this long before "cancel" appears. */
const CANCEL_AFTER_MS = 300;

/** count · exact or ± · scanned · ms · tiers · cancel: how sure the page is of what it shows. */
export function StatusLine({ result, live }: { result: Result; live: boolean }) {
  const { shown, chart, phase, cancel, startedAt } = result;
  const slow = useLater(phase === 'loading' && !live, startedAt);
  const envelope = shown?.envelope;
  const histogram = chart && chart.run === shown?.run ? chart.answer : null;
  const lines = shown?.run.shape !== 'table';
  const error = (lines && shown?.run.shape === 'lines' ? histogram?.error : envelope?.error) ?? null;
  const exact = lines && histogram ? histogram.exact : (envelope?.exact ?? true);
  const parts: [string, string][] = [];
  if (live) parts.push(['count', 'Following new lines']);
  else if (shown && envelope) {
    parts.push(['count', plural(shown.total, lines ? 'line' : 'row')]);
    parts.push(['sure', exact ? 'exact' : error === null ? 'estimated' : `± ${count(error)}`]);
    if (envelope.partial && shown.run.shape !== 'lines') parts.push(['partial', 'cut short by a limit']);
    parts.push(['scanned', `${count(Math.max(envelope.scanned_rows, histogram?.scanned_rows ?? 0))} scanned`]);
    parts.push(['took', milliseconds(Math.max(envelope.took_ms, histogram?.took_ms ?? 0))]);
    if (envelope.compared_by) parts.push(['compared', `compared by ${envelope.compared_by.join(' and ')}`]);
    if (envelope.tiers.length > 0) parts.push(['tiers', envelope.tiers.join(' + ')]);
  }
  return (
    <footer className="status" aria-label="Status of the answer">
      <div className="status-parts" role="status">
        {slow ? (
          <span className="status-busy">Searching…</span>
        ) : parts.length === 0 && phase === 'failed' ? (
          <span>No answer</span>
        ) : (
          parts.map(([key, text]) => (
            <span key={key} className={`status-${key}`}>
              {text}
            </span>
          ))
        )}
      </div>
      {slow && cancel && (
        <button type="button" className="link-button" onClick={cancel}>
          Cancel
        </button>
      )}
    </footer>
  );
}

function useLater(active: boolean, since: number): boolean {
  const [late, setLate] = useState(false);
  useEffect(() => {
    if (!active) return;
    const timer = setTimeout(() => setLate(true), Math.max(0, since + CANCEL_AFTER_MS - performance.now()));
    return () => {
      clearTimeout(timer);
      setLate(false);
    };
  }, [active, since]);
  return late;
}
