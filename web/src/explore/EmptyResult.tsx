import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { search } from '../api/client';
import { isLine } from '../api/types';
import { formatInstant, MINUTE_NS, nowNs, parseInstant } from '../time/instant';
import { displaySpan, type RangeText, rangeLabel } from '../time/range';
import type { Run } from './run';

interface Props {
  run: Run;
  range: RangeText;
  onRange(range: RangeText): void;
  onQuery(q: string): void;
}

/** No line matched: says where the nearest one is, and what to do. */
export function EmptyResult({ run, range, onRange, onQuery }: Props) {
  const nearest = useQuery({
    queryKey: ['nearest', run.serial],
    queryFn: async ({ signal }) => {
      const { from } = run.lineParams;
      const answer = await search({ q: run.lineParams.q, to: from, limit: 1 }, signal);
      const row = answer.data[0];
      return isLine(row) ? parseInstant(row.timestamp) : null;
    },
    enabled: run.range.from !== null,
  });
  const time = nearest.data;
  return (
    <div className="empty">
      <h2>No lines {run.range.from === null ? 'match' : `in this range (${rangeLabel(range, 'local')})`}</h2>
      {time != null && (
        <button
          type="button"
          className="button primary"
          onClick={() => onRange({ from: formatInstant(time - 10n * MINUTE_NS), to: formatInstant(time + MINUTE_NS) })}
        >
          The nearest match is {displaySpan(nowNs() - time)} ago: go there
        </button>
      )}
      {nearest.isSuccess && time === null && run.q !== '' && (
        <p className="muted">Nothing older matches this query either.</p>
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
      {run.q === '' && (
        <p className="muted">
          No logs yet? <Link href="/start">Send some</Link>
        </p>
      )}
    </div>
  );
}
