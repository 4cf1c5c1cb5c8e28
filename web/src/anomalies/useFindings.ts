import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useEffect } from 'react';
import { findingCounts, findings } from '../api/client';
import { noteOutcome, useConnection } from '../app/connection';
import { formatInstant, nowNs } from '../time/instant';
import { resolveRange } from '../time/range';
import type { AnomaliesState } from './anomaliesUrl';
import { STEP_S } from './calendar';
import { fetchWatched } from './watched';

/** Findings shown at most; a shorter range shows older ones. */
export const MOST_FINDINGS = 200;
const LIVE_MS = 5_000;
const WATCHED_MS = 30_000;

/** Findings of the range, newest first, asked for again every few seconds while the range ends now. */
export function useFindings(state: AnomaliesState) {
  const epoch = useConnection((connection) => connection.epoch);
  const live = state.to === 'now';
  const { from, to, service, kind } = state;
  const asked = useQuery({
    queryKey: ['findings', from, to, service, kind, epoch],
    queryFn: ({ signal }) => {
      const range = resolveRange({ from, to }, nowNs());
      return findings(
        {
          from: range.from === null ? undefined : formatInstant(range.from),
          // A record's own clock may be ahead of this one: the newest findings are not to wait for it.
          to: live || range.to === null ? undefined : formatInstant(range.to),
          service: service || undefined,
          kind: kind || undefined,
          limit: MOST_FINDINGS,
        },
        signal,
      );
    },
    placeholderData: keepPreviousData,
    refetchInterval: live ? LIVE_MS : false,
    staleTime: 0,
  });
  const { error } = asked;
  useEffect(() => noteOutcome(error), [error]);
  return asked;
}

/** How many findings there were by time, of all those in the range; only for ranges that the calendar shows. */
export function useFindingCounts({ from, to, service, kind }: AnomaliesState, shown: boolean) {
  const epoch = useConnection((connection) => connection.epoch);
  return useQuery({
    queryKey: ['finding-counts', from, to, service, kind, epoch],
    queryFn: ({ signal }) => {
      const range = resolveRange({ from, to }, nowNs());
      return findingCounts(
        {
          from: range.from === null ? undefined : formatInstant(range.from),
          to: to === 'now' || range.to === null ? undefined : formatInstant(range.to),
          service: service || undefined,
          kind: kind || undefined,
          step_s: STEP_S,
        },
        signal,
      );
    },
    enabled: shown,
    placeholderData: keepPreviousData,
    refetchInterval: to === 'now' ? WATCHED_MS : false,
  });
}

/** What came in over the range, filters apart. */
export function useWatched({ from, to }: AnomaliesState) {
  const epoch = useConnection((connection) => connection.epoch);
  return useQuery({
    queryKey: ['watched', from, to, epoch],
    queryFn: ({ signal }) => fetchWatched({ from, to }, signal),
    placeholderData: keepPreviousData,
    refetchInterval: to === 'now' ? WATCHED_MS : false,
  });
}
