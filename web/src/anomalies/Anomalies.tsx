import './anomalies.css';
import { useMemo, useState } from 'react';
import { useLocation } from 'wouter';
import type { Finding } from '../api/types';
import { FailureNote } from '../explore/FailureNote';
import { formatInstant, nowNs, parseInstant } from '../time/instant';
import { resolveRange } from '../time/range';
import { plural } from '../ui/format';
import type { AnomaliesState } from './anomaliesUrl';
import { Calendar } from './Calendar';
import { LEAST_MS } from './calendar';
import { Filters } from './Filters';
import { FindingCard, linesHref } from './FindingCard';
import { Lanes } from './Lanes';
import { Legend } from './Legend';
import { detectedMs, type Span } from './laneLayout';
import { LearningNote, Quiet, WaitingNote, watchedText } from './Quiet';
import { AnomaliesSkeleton } from './Skeleton';
import { TurnedOff } from './TurnedOff';
import { useAnomaliesKeys } from './useAnomaliesKeys';
import { useAnomaliesState } from './useAnomaliesState';
import { MOST_FINDINGS, useFindingCounts, useFindings, useWatched } from './useFindings';
import { type Watched, waitingNs } from './watched';

/** What is unusual, and how sure that is. */
export default function Anomalies() {
  const [state, update] = useAnomaliesState();
  const [, navigate] = useLocation();
  const [selected, select] = useState('');
  const asked = useFindings(state);
  const watched = useWatched(state).data;
  const found = useMemo(() => asked.data?.data ?? [], [asked.data]);
  const services = useMemo(() => watched?.services.map(({ service }) => service) ?? [], [watched]);
  const judgedUntil = asked.data?.judged_until ? parseInstant(asked.data.judged_until) : null;
  const span = spanOf(state, found, watched);
  const isLong = span.toMs - span.fromMs >= LEAST_MS;
  const counts = useFindingCounts(state, isLong).data;
  const waiting = watched !== undefined && waitingNs(watched, judgedUntil) !== 0n;
  useAnomaliesKeys({ state, update, findings: found, selected, select });

  const zoom = ({ fromMs, toMs }: Span) => update({ from: instantText(fromMs), to: instantText(toMs) });
  return (
    <div className="page anomalies" data-stale={asked.isPlaceholderData}>
      <header className="anomalies-head">
        <h1>Anomalies</h1>
        <Filters state={state} services={services} onChange={update} />
      </header>
      {asked.error && <FailureNote error={asked.error} q="" onRetry={() => void asked.refetch()} />}
      {asked.data?.detection === false && <TurnedOff />}
      {asked.isPending && <AnomaliesSkeleton />}
      {asked.data && (
        <>
          {(found.length > 0 || services.length > 0) && (
            <>
              <Lanes
                findings={found}
                watched={state.service || state.kind ? [] : services}
                span={span}
                judgedMs={asked.data.detection && waiting ? Number((judgedUntil ?? 0n) / 1_000_000n) : null}
                zone={state.tz}
                selected={selected}
                onSelect={select}
                onService={(service) => update({ service: state.service === service ? '' : service })}
                onZoom={zoom}
              />
              <Legend findings={found} onKind={(kind) => update({ kind: state.kind === kind ? '' : kind })} />
              {isLong && counts && counts.data.length > 0 && (
                <Calendar counts={counts.data} span={span} zone={state.tz} onZoom={zoom} />
              )}
            </>
          )}
          <p className="sr-only" role="status">
            {plural(found.length, 'finding')}
          </p>
          {found.length > 0 && (
            <div className="finding-list">
              {watched && <WaitingNote watched={watched} judgedUntil={judgedUntil} state={state} />}
              {found.map((finding) => (
                <FindingCard
                  key={finding.id}
                  finding={finding}
                  state={state}
                  selected={finding.id === selected}
                  onSelect={() => select(finding.id)}
                  onOpen={() => navigate(linesHref(finding, state))}
                />
              ))}
              <div className="list-end muted">
                {found.length >= MOST_FINDINGS && (
                  <p>The newest {MOST_FINDINGS} are shown; choose a shorter or an earlier range for others.</p>
                )}
                {watched && <p>{watchedText(watched, state)}</p>}
                {watched && <LearningNote watched={watched} />}
              </div>
            </div>
          )}
          {found.length === 0 && asked.data.detection && (
            <Quiet state={state} watched={watched} judgedUntil={judgedUntil} onChange={update} />
          )}
        </>
      )}
    </div>
  );
}

function instantText(ms: number): string {
  return formatInstant(BigInt(Math.round(ms)) * 1_000_000n);
}

/** The time that the lanes span; of a range without bounds, what there is. */
function spanOf(state: AnomaliesState, found: readonly Finding[], watched: Watched | undefined): Span {
  const now = nowNs();
  const range = resolveRange(state, now);
  const times = found.map(detectedMs);
  const last = Math.max(Number((range.to ?? now) / 1_000_000n), ...(state.to === 'now' ? times : []));
  const oldest = Math.min(...times, watched?.services.length ? Number(watched.first / 1_000_000n) : last - 1);
  return { fromMs: range.from === null ? oldest : Number(range.from / 1_000_000n), toMs: last };
}
