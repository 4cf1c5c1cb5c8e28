import { ApiError, Unreachable } from '../api/errors';
import { Cancelled } from './useResult';

/** Why there is no new answer, where in the query, and what mends it. What was on screen stays below, greyed. */
export function FailureNote({ error, q, onRetry }: { error: unknown; q: string; onRetry(): void }) {
  if (error instanceof ApiError) {
    return (
      <div className="failure" role="alert">
        <p>
          <strong>{headline(error)}</strong> {error.message}
        </p>
        {error.column !== null && <Place q={q} column={error.column} length={error.length} />}
        {error.hint && <p>{error.hint}</p>}
        <p className="muted">
          {!error.isQuerySyntax && (
            <button type="button" className="link-button" onClick={onRetry}>
              Try again
            </button>
          )}
          {error.requestId && (
            <>
              {' '}
              request <code>{error.requestId}</code>
            </>
          )}
        </p>
      </div>
    );
  }
  if (error instanceof Unreachable) return null; // the banner of the shell says it
  if (error instanceof Cancelled) {
    return (
      <div className="failure" role="alert">
        <p>
          The query was cancelled.{' '}
          <button type="button" className="link-button" onClick={onRetry}>
            Run it again
          </button>
        </p>
      </div>
    );
  }
  return (
    <div className="failure" role="alert">
      <p>
        <strong>Something went wrong in this page.</strong> {error instanceof Error ? error.message : String(error)}
      </p>
    </div>
  );
}

function headline(error: ApiError): string {
  if (error.isQuerySyntax) return 'This query cannot be read:';
  if (error.status === 429) return `Too many requests${error.retryAfterS ? `, wait ${error.retryAfterS} s` : ''}:`;
  if (error.status === 403) return 'Not allowed:';
  if (error.status === 503) return `Not now${error.retryAfterS ? `, try again in ${error.retryAfterS} s` : ''}:`;
  return 'The query failed:';
}

/** The query with the wrong part underlined. Columns count code points. */
function Place({ q, column, length }: { q: string; column: number; length: number }) {
  const points = [...q];
  const start = Math.min(points.length, column - 1);
  const wrong = points.slice(start, start + Math.max(1, length)).join('');
  return (
    <pre className="failure-place">
      {points.slice(0, start).join('')}
      <mark>{wrong || ' '}</mark>
      {points.slice(start + Math.max(1, length)).join('')}
    </pre>
  );
}
