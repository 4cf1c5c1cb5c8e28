import type { Bucket } from '../api/types';
import { STACK_ORDER, signOf } from '../levels';
import { count } from '../ui/format';

/** The table twin of the histogram; empty bars are left out. */
export function HistogramTable({ buckets, timeOf }: { buckets: readonly Bucket[]; timeOf(bucket: Bucket): string }) {
  const filled = buckets.filter((bucket) => bucket.total > 0);
  const levels = STACK_ORDER.filter((level) => filled.some((bucket) => bucket.counts[level]));
  return (
    <section className="table-twin" tabIndex={0} aria-label="Lines over time, as a table">
      <table>
        <thead>
          <tr>
            <th scope="col">Time</th>
            <th scope="col">Lines</th>
            {levels.map((level) => (
              <th key={level} scope="col">
                {signOf(level).word}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {filled.map((bucket) => (
            <tr key={bucket.time}>
              <th scope="row">{timeOf(bucket)}</th>
              <td>{count(bucket.total)}</td>
              {levels.map((level) => (
                <td key={level}>{bucket.counts[level] ? count(bucket.counts[level]) : ''}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {filled.length === 0 && <p className="muted">No lines in this range.</p>}
    </section>
  );
}
