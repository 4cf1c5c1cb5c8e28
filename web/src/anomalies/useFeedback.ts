import { type QueryClient, useMutation, useQueryClient } from '@tanstack/react-query';
import { judge } from '../api/client';
import { ApiError } from '../api/errors';
import type { FeedbackAnswer, Finding, FindingAnswer, FindingsAnswer, Verdict } from '../api/types';
import { noteOutcome } from '../app/connection';

export interface Feedback {
  say(verdict: Verdict): void;
  busy: boolean;
  /** What the newest verdict of this visit changed. */
  answer: FeedbackAnswer | undefined;
  /** Why it was not taken. */
  problem: string;
}

/** Verdicts on a finding: shown at once, taken back when the node does not take them. */
export function useFeedback(finding: Finding): Feedback {
  const client = useQueryClient();
  const mutation = useMutation({
    mutationFn: (verdict: Verdict) => judge(finding.id, verdict),
    networkMode: 'always',
    onMutate: async (verdict) => {
      await client.cancelQueries({ queryKey: ['findings'] });
      setVerdict(client, finding.id, verdict);
      return finding.verdict;
    },
    onError: (error, _, before) => {
      setVerdict(client, finding.id, before ?? null);
      noteOutcome(error);
    },
  });
  return {
    say: (verdict) => {
      if (!mutation.isPending && finding.verdict !== verdict) mutation.mutate(verdict);
    },
    busy: mutation.isPending,
    answer: mutation.data,
    problem: mutation.error ? problemText(mutation.error) : '',
  };
}

function problemText(error: Error): string {
  return error instanceof ApiError ? error.message : 'The node does not answer; nothing was changed. Try again.';
}

function setVerdict(client: QueryClient, id: string, verdict: Verdict | null): void {
  client.setQueriesData<FindingsAnswer>(
    { queryKey: ['findings'] },
    (old) => old && { ...old, data: old.data.map((one) => (one.id === id ? { ...one, verdict } : one)) },
  );
  client.setQueriesData<FindingAnswer>(
    { queryKey: ['finding', id] },
    (old) => old && { ...old, data: { ...old.data, verdict } },
  );
}
