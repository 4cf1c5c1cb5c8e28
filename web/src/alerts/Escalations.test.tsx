import { render } from '@testing-library/react';
import { expect, test } from 'vitest';
import type { Escalation } from '../api/types';
import { EscalationFacts } from './Escalations';

const RUNNING: Escalation = {
  policy: 'platform',
  began: '2026-11-26T10:00:00Z',
  due: '2026-11-26T10:15:00Z',
  round: 1,
  step: 1,
  steps: 3,
  ended: '',
};

function words(escalation: Escalation): string {
  const { container, unmount } = render(<EscalationFacts escalations={[escalation]} />);
  const text = container.textContent ?? '';
  unmount();
  return text;
}

test('a running escalation says which step was taken and when the next one is', () => {
  expect(words(RUNNING)).toMatch(/^escalation platform: step 1 of 3, next .+ago\)$/);
  expect(words({ ...RUNNING, round: 2 })).toContain('round 2, step 1 of 3');
});

test('one that is over says why', () => {
  expect(words({ ...RUNNING, due: null, ended: 'acknowledged' })).toBe(
    'escalation platform: step 1 of 3, stopped by the acknowledgement',
  );
  expect(words({ ...RUNNING, due: null, step: 3, ended: 'exhausted' })).toContain('nobody has acknowledged');
});
