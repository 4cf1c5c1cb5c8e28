import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { search } from '../api/client';
import { isLine, type Row } from '../api/types';
import { safeText } from '../text/safe';
import { displayInstant, formatInstant, MINUTE_NS, nowNs, parseInstant, type Zone } from '../time/instant';
import { displaySpan, type RangeText, rangeLabel } from '../time/range';
import type { Run } from './run';

interface Props {
  run: Run;
  range: RangeText;
  zone: Zone;
  /** What the answer says may be wrong with the question. */
  hint: string | undefined;
  onRange(range: RangeText): void;
  onQuery(q: string): void;
}

/** No line matched: says where the nearest one is, the last before the range or else the first after it, and what to do. */
export function EmptyResult({ run, range, zone, hint, onRange, onQuery }: Props) {
  const rows = run.shape === 'table';
  const nearest = useQuery({
    queryKey: ['nearest', run.serial],
    queryFn: async ({ signal }) => {
      const { q, from, to } = run.lineParams;
      const timeOf = ([row]: Row[]) => (isLine(row) ? parseInstant(row.timestamp) : null);
      const before = timeOf((await search({ q, to: from, limit: 1 }, signal)).data);
      if (before !== null || !to) return before;
      return timeOf((await search({ q: `${q || '*'} | sort timestamp`, from: to, limit: 1 }, signal)).data);
    },
    // A table may be empty where lines are not.
    enabled: run.range.from !== null && !rows,
  });
  const time = nearest.data;
  return (
    <div className="empty">
      <h2>
        No {rows ? 'rows' : 'lines'} {run.range.from === null ? 'match' : `in this range (${rangeLabel(range, zone)})`}
      </h2>
      {hint && <p>{safeText(hint)}</p>}
      {time != null && (
        <button
          type="button"
          className="button primary"
          onClick={() => onRange({ from: formatInstant(time - 10n * MINUTE_NS), to: formatInstant(time + MINUTE_NS) })}
        >
          The nearest match is{' '}
          {time < (run.range.from ?? 0n) ? `${displaySpan(nowNs() - time)} ago` : `at ${displayInstant(time, zone, 0)}`}
          : go there
        </button>
      )}
      {nearest.isSuccess && time === null && run.q !== '' && (
        <p className="muted">Nothing matches this query at any other time.</p>
      )}
      {run.q !== '' && (
        <button type="button" className="button" onClick={() => onQuery('')}>
          Show all lines of this range
        </button>
      )}
      {run.range.from !== null && (
        <button type="button" className="button" onClick={() => onRange({ from: 'all', to: 'now' })}>
          Search all time
        </button>
      )}
      {run.q === '' && time == null && !nearest.isFetching && (
        <p className="muted">
          No logs yet? <Link href="/start">Send some</Link>
        </p>
      )}
    </div>
  );
}
