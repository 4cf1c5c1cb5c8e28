import './anomalies.css';
import { useQuery } from '@tanstack/react-query';
import { useEffect } from 'react';
import { Link, useLocation } from 'wouter';
import { finding as fetchFinding } from '../api/client';
import { ApiError, Unreachable } from '../api/errors';
import { noteOutcome, useConnection } from '../app/connection';
import { FailureNote } from '../explore/FailureNote';
import { anomaliesHref } from './anomaliesUrl';
import { FindingCard, linesHref } from './FindingCard';
import { IncidentLink } from './IncidentLink';
import { Nearby } from './Nearby';
import { Empty } from './Quiet';
import { AnomaliesSkeleton } from './Skeleton';
import { useAnomaliesState } from './useAnomaliesState';

/** One finding by its address. */
export default function FindingPage({ id }: { id: string }) {
  const [state] = useAnomaliesState();
  const [, navigate] = useLocation();
  const epoch = useConnection((connection) => connection.epoch);
  const asked = useQuery({
    queryKey: ['finding', id, epoch],
    queryFn: ({ signal }) => fetchFinding(id, signal),
    staleTime: 0,
  });
  const { error } = asked;
  useEffect(() => noteOutcome(error), [error]);
  const found = asked.data?.data;
  return (
    <div className="page anomalies">
      <p className="finding-back">
        <Link href={anomaliesHref(state)}>‹ All findings</Link>
      </p>
      {asked.isPending && <AnomaliesSkeleton />}
      {found && (
        <>
          <FindingCard finding={found} state={state} selected alone onOpen={() => navigate(linesHref(found, state))} />
          <IncidentLink finding={found} />
          <Nearby finding={found} state={state} />
        </>
      )}
      {error && !found && <Problem error={error} onRetry={() => void asked.refetch()} />}
    </div>
  );
}

function Problem({ error, onRetry }: { error: Error; onRetry(): void }) {
  if (error instanceof ApiError && error.status === 404) {
    return (
      <Empty title="There is no such finding">
        <p className="muted">The link may be mistyped; the oldest findings are dropped beyond 20,000.</p>
      </Empty>
    );
  }
  if (error instanceof Unreachable) return <Empty title="The finding is shown when the node answers again" />;
  return <FailureNote error={error} q="" onRetry={onRetry} />;
}
