import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { nodeInfo, search } from '../api/client';
import { isLine, type Line } from '../api/types';
import { LogLine } from '../explore/LogLine';
import { levelOf } from '../levels';
import { safeText } from '../text/safe';
import { formatInstant } from '../time/instant';
import { plural, valueText } from '../ui/format';
import { Icon } from '../ui/Icon';

const ASK_MS = 1_000;
/** Named beside the line already. */
const SHOWN_ABOVE = new Set([
  'id',
  'timestamp',
  'observed_timestamp',
  'message',
  'level',
  'severity_number',
  'service',
]);

interface Props {
  /** When the page was opened, ms since 1970. */
  since: number;
  /** Records the node had then, null while unknown. */
  stored: number | null;
}

/** Waits for the first line, turns green, shows how it was understood. */
export function WaitingPanel({ since, stored }: Props) {
  const latest = useQuery({
    queryKey: ['first-line', since],
    queryFn: ({ signal }) => newestSince(since, signal),
    refetchInterval: (query) => (query.state.data?.line ? 3_000 : ASK_MS),
    staleTime: 0,
  });
  const line = latest.data?.line ?? null;
  const records = latest.data?.records ?? stored;
  const had = !line && (stored ?? 0) > 0;
  return (
    <section className={`waiting${line ? ' waiting-done' : ''}`} aria-label="First line">
      <div className="waiting-head" role="status">
        {line ? <Icon name="check" size={18} /> : <span className="pulse" aria-hidden="true" />}
        <strong>{line ? 'Your logs are here' : had ? 'Waiting for new lines' : 'Waiting for the first line'}</strong>
        <span className="muted number">{records !== null && records > 0 && `${plural(records, 'line')} stored`}</span>
        <span className="live-space" />
        {(line || had) && (
          <Link className="button primary" href={line ? exploreLink(line, since) : '/explore?from=all'}>
            Explore
          </Link>
        )}
      </div>
      {line && <Understood line={line} />}
    </section>
  );
}

function Understood({ line }: { line: Line }) {
  const rest = Object.entries(line).filter(([name]) => !SHOWN_ABOVE.has(name));
  return (
    <>
      <div className={`waiting-line row-${levelOf(line.level)}`}>
        <LogLine line={line} zone="local" withDate plain />
      </div>
      {rest.length > 0 && (
        <ul className="waiting-fields" aria-label="Fields found in it">
          {rest.slice(0, 12).map(([name, value]) => (
            <li key={name}>
              <span className="muted">{safeText(name)}</span> {safeText(valueText(value).slice(0, 60))}
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

/** The default range when the line is recent, all time when its own clock says otherwise. */
function exploreLink(line: Line, since: number): string {
  return Date.parse(line.timestamp) > since - 600_000 ? '/explore' : '/explore?from=all';
}

async function newestSince(since: number, signal: AbortSignal): Promise<{ line: Line | null; records: number }> {
  const node = await nodeInfo(signal);
  if (node.records === 0) return { line: null, records: 0 };
  // What came in since the page was opened, whatever its own clock says.
  const opened = formatInstant(BigInt(since) * 1_000_000n);
  const answer = await search({ q: `observed_timestamp>="${opened}"`, limit: 1 }, signal);
  const row = answer.data[0];
  return { line: isLine(row) ? row : null, records: node.records };
}
