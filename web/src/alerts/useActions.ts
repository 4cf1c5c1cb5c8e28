import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type ActionWord, actOnIncident, decideAction, deleteRule, endSilence, keepRule, silence } from '../api/client';
import { ApiError } from '../api/errors';
import type { ActionRun, Incident, Rule } from '../api/types';
import { noteOutcome } from '../app/connection';
import { notify } from '../ui/notice';
import { matchersOf, matchersText } from './matchers';

/** Everything the pages change. Each says what it did or why not, and offers to take it back where the node can. */
export function useActions() {
  const client = useQueryClient();
  const mutation = useMutation({
    mutationFn: (work: () => Promise<void>) => work(),
    networkMode: 'always',
    onError: (error) => {
      noteOutcome(error);
      notify(`Not done: ${problemText(error)}`);
    },
    onSettled: () => client.invalidateQueries({ queryKey: ['alerts'] }),
  });
  const run = (work: () => Promise<void>) => {
    if (!mutation.isPending) mutation.mutate(work);
  };
  return {
    busy: mutation.isPending,
    acknowledge: (of: Incident) =>
      run(async () => {
        await actOnIncident(of.id, 'acknowledge');
        notify('Acknowledged: no more news of it, unless it gets worse.');
      }),
    resolve: (of: Incident) =>
      run(async () => {
        await actOnIncident(of.id, 'resolve');
        notify('Resolved. What comes again is a new alert.');
      }),
    comment: (of: Incident, text: string) =>
      run(async () => {
        await actOnIncident(of.id, 'comment', text);
      }),
    decide: (of: ActionRun, word: ActionWord, author: string, token: string) =>
      run(async () => {
        await decideAction(of.id, word, author, token);
        notify(DECIDED[word]);
      }),
    silence: (of: Incident, duration: string) =>
      run(async () => {
        const made = await silence(matchersOf(of), duration, `incident ${of.id}`);
        notify(`Silenced for ${duration}: ${matchersText(made.matchers)}.`, () =>
          run(async () => {
            await endSilence(made.id);
          }),
        );
      }),
    endSilence: (id: string) =>
      run(async () => {
        await endSilence(id);
        notify('The silence has ended.');
      }),
    keepRule: (rule: Rule) =>
      run(async () => {
        await keepRule(rule);
      }),
    deleteRule: (rule: Rule) =>
      run(async () => {
        await deleteRule(rule.id);
        notify(`“${rule.name}” is deleted.`, () =>
          run(async () => {
            await keepRule(rule);
          }),
        );
      }),
  };
}

const DECIDED: Record<ActionWord, string> = {
  approve: 'Approved: it happens within seconds, if the target still stands as it was planned for.',
  reject: 'Rejected: it does not happen.',
  undo: 'It is taken back within seconds, unless somebody else has changed the target since.',
};

export type Actions = ReturnType<typeof useActions>;

export function problemText(error: Error): string {
  return error instanceof ApiError ? error.message : 'the node does not answer; nothing was changed.';
}
