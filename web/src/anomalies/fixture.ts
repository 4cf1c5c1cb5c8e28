import type { Feature, Finding } from '../api/types';

/** A finding for tests; what a test is about is given. */
export function aFinding(given: Partial<Finding> = {}): Finding {
  return {
    id: '0123456789abcdef0123',
    service: 'pay',
    kind: 'errors',
    state: 'degraded',
    statement: 'pay logs more errors than usual: 40 in 60 s, expected 0 to 3',
    started: '2026-11-22T10:00:00Z',
    detected: '2026-11-22T10:01:00Z',
    evidence: 5,
    features: [aFeature()],
    examples: [],
    template_id: 0,
    query: 'service:pay level>=error',
    field: '',
    value: '',
    known_since: null,
    expected: null,
    last_seen: null,
    from: '2026-11-22T09:59:30Z',
    to: '2026-11-22T10:01:00Z',
    watched_s: 3_600,
    confidence: 0.923,
    verdict: null,
    ...given,
  };
}

export function aFeature(given: Partial<Feature> = {}): Feature {
  return { name: 'errors', observed: 40, low: 0, high: 3, evidence: 5, window_s: 60, ...given };
}
