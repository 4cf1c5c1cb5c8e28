import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useEffect } from 'react';
import { actionRuns, alerts, incident, incidents, onCall, pushOffer, rules, silences } from '../api/client';
import { ApiError } from '../api/errors';
import { noteOutcome, useConnection } from '../app/connection';

/** Shown at most, newest first. */
export const MOST_INCIDENTS = 200;
const MOST_ALERTS = 1_000;
const LIVE_MS = 5_000;

/** Asks again every few seconds; what was on screen stays there until the next answer. */
function useLive<T>(key: readonly unknown[], ask: (signal: AbortSignal) => Promise<T>) {
  const epoch = useConnection((connection) => connection.epoch);
  const asked = useQuery({
    queryKey: [...key, epoch],
    queryFn: ({ signal }) => ask(signal),
    placeholderData: keepPreviousData,
    refetchInterval: (query) => (query.state.error instanceof ApiError ? false : LIVE_MS),
    staleTime: 0,
  });
  const { error } = asked;
  useEffect(() => noteOutcome(error), [error]);
  return asked;
}

export function useIncidents(all: boolean) {
  return useLive(['alerts', 'incidents', all], (signal) => incidents(all ? undefined : 'open', MOST_INCIDENTS, signal));
}

export function useIncident(id: string) {
  return useLive(['alerts', 'incident', id], (signal) => incident(id, signal));
}

export function useActionRuns(incidentId: string) {
  return useLive(['alerts', 'actions', incidentId], (signal) => actionRuns(incidentId, signal));
}

export function useSilences() {
  return useLive(['alerts', 'silences'], silences);
}

export function useOnCall() {
  return useLive(['alerts', 'oncall'], onCall);
}

export function usePushOffer() {
  return useLive(['alerts', 'push'], pushOffer);
}

export function useRules() {
  return useLive(['alerts', 'rules'], rules);
}

/** What is open now, for the state of each rule. */
export function useOpenAlerts() {
  return useLive(['alerts', 'open'], (signal) => alerts({ state: 'open', limit: MOST_ALERTS }, signal));
}

/** The alert that detection made of findings of a kind about a service. */
export function useDetectorAlerts(service: string, kind: string) {
  return useLive(['alerts', 'detector', service, kind], (signal) =>
    alerts({ service, rule: `detector.${kind}`, limit: 1 }, signal),
  );
}
