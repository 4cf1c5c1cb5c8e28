import type { Severity } from '../api/types';

const MEANS: Record<Severity, string> = {
  P1: 'somebody has to act now',
  P2: 'somebody has to act today',
  P3: 'when there is time',
};

/** P1 to P3: a word first, then form and colour. */
export function SeverityChip({ severity }: { severity: Severity }) {
  return (
    <span className={`severity severity-${severity}`} title={MEANS[severity]}>
      {severity}
    </span>
  );
}

export function StateChip({ state, title }: { state: string; title?: string }) {
  return (
    <span className={`state-chip alert-${state}`} title={title}>
      {state}
    </span>
  );
}
