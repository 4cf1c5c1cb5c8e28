import { keepPreviousData, type QueryKey, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { act, incident, incidents, rules, silences } from '../api/client';
import { ApiError } from '../api/errors';
import type { IncidentDetail } from '../api/types';
import { noteOutcome, useConnection } from '../app/connection';
import { notify } from '../ui/notice';
import type { AlertsState } from './alertsUrl';

const LIVE_MS = 3_000;

/** What the node says, asked for again every few seconds; the last answer stays while the next one comes. */
function useLive<T>(key: QueryKey, ask: (signal: AbortSignal) => Promise<T>) {
  const epoch = useConnection((connection) => connection.epoch);
  const asked = useQuery({
    queryKey: [...key, epoch],
    queryFn: ({ signal }) => ask(signal),
    placeholderData: keepPreviousData,
    refetchInterval: LIVE_MS,
    staleTime: 0,
  });
  const { error } = asked;
  useEffect(() => noteOutcome(error), [error]);
  return asked;
}

export const useIncidents = (shown: AlertsState['shown']) =>
  useLive(['incidents', shown], (signal) => incidents(shown === 'all' ? '' : shown, signal));

export const useIncident = (id: string) => useLive(['incident', id], (signal) => incident(id, signal));

export const useSilences = () => useLive(['silences'], silences);

export const useRules = () => useLive(['rules'], rules);

/** Runs a change, says what became of it, and asks again for everything it may have changed. */
export function useChange<T>(change: (given: T) => Promise<unknown>, said: (given: T) => string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: change,
    networkMode: 'always',
    onSuccess: (_, given) => notify(said(given)),
    onError: (error) => {
      noteOutcome(error);
      notify(`Not done: ${problemText(error)}`);
    },
    onSettled: () =>
      client.invalidateQueries({
        predicate: ({ queryKey }) => ['incidents', 'incident', 'silences', 'rules'].includes(String(queryKey[0])),
      }),
  });
}

export function useActions(id: string) {
  const acknowledge = useChange(
    () => act(id, { action: 'acknowledge' }),
    () => 'Acknowledged: no more news unless it gets worse',
  );
  const resolve = useChange(
    () => act(id, { action: 'resolve' }),
    () => 'Over. The same thing again begins a new incident',
  );
  const comment = useChange(
    (text: string) => act(id, { action: 'comment', text }),
    () => 'Kept in the timeline',
  );
  return { acknowledge, resolve, comment };
}

export function problemText(error: unknown): string {
  if (error instanceof ApiError) return [error.message, error.hint].filter(Boolean).join(' ');
  return 'the node does not answer. Try again.';
}

/** Whether acknowledging says anything new. */
export function canAcknowledge({ state }: Pick<IncidentDetail, 'state'>): boolean {
  return state === 'firing';
}
