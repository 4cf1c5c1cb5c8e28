import type { Escalation } from '../api/types';
import { safeText } from '../text/safe';
import { When } from './When';

const ENDED: Record<string, string> = {
  acknowledged: 'stopped by the acknowledgement',
  resolved: 'over',
  exhausted: 'every step was taken, and nobody has acknowledged',
  unknown: 'ended: the policy is no longer there',
};

/** Where an incident stands in each of its escalations, as facts of the incident. */
export function EscalationFacts({ escalations }: { escalations: readonly Escalation[] }) {
  return escalations.map((each) => (
    <li key={each.policy} className={each.ended === 'exhausted' ? 'problem' : undefined}>
      {`escalation ${safeText(each.policy)}: ${progress(each)}`}
      {each.due ? (
        <>
          , next <When time={each.due} />
        </>
      ) : (
        each.ended && `, ${ENDED[each.ended] ?? each.ended}`
      )}
    </li>
  ));
}

export function progress({ round, step, steps }: Pick<Escalation, 'round' | 'step' | 'steps'>): string {
  const taken = `step ${step} of ${steps}`;
  return round > 1 ? `round ${round}, ${taken}` : taken;
}
