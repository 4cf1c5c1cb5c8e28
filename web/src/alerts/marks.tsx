import type { AlertState, Severity } from '../api/types';
import { SEVERITY_WORDS } from './words';

export function SeverityMark({ severity }: { severity: Severity }) {
  return (
    <span className={`severity severity-${severity}`} title={SEVERITY_WORDS[severity]}>
      {severity}
    </span>
  );
}

const STATES: Record<AlertState, string> = { firing: 'firing', acknowledged: 'acknowledged', resolved: 'over' };

export function StateChip({ state, by = '' }: { state: AlertState; by?: string }) {
  const who = state === 'acknowledged' && by && by !== 'somebody' ? ` by ${by}` : '';
  return <span className={`alert-state alert-state-${state}`}>{`${STATES[state]}${who}`}</span>;
}
