/** Which lanes the timeline has, and where their marks stand. */

import type { Finding } from '../api/types';
import { parseInstant } from '../time/instant';
import { grouped } from './grouped';

/** Lanes without a finding are shown up to this many lanes in all. */
export const USUAL_LANES = 10;
export const PHONE_LANES = 4;

export interface Lane {
  service: string;
  /** Newest first. */
  findings: Finding[];
}

/** One mark: a finding, or several that would lie over one another. */
export interface Mark {
  /** Middle, px from the left. */
  x: number;
  /** What the mark looks like: a critical one before a degraded one, then the newest. */
  shown: Finding;
  /** Newest first. */
  findings: Finding[];
}

export interface Span {
  fromMs: number;
  toMs: number;
}

export function detectedMs(finding: Finding): number {
  return Number((parseInstant(finding.detected) ?? 0n) / 1_000_000n);
}

/** Services with findings first, the worst on top, then quiet ones by name. `more`: quiet ones that are left out. */
export function lanesOf(
  findings: readonly Finding[],
  watched: readonly string[],
  most = USUAL_LANES,
): { lanes: Lane[]; more: number } {
  const byService = grouped(findings, (finding) => finding.service);
  const criticals = (lane: Lane) => lane.findings.filter((finding) => finding.state === 'critical').length;
  const noisy = [...byService]
    .map(([service, own]): Lane => ({ service, findings: own }))
    .sort(
      (a, b) =>
        criticals(b) - criticals(a) || b.findings.length - a.findings.length || a.service.localeCompare(b.service),
    );
  const quiet = watched
    .filter((service) => !byService.has(service))
    .sort()
    .map((service): Lane => ({ service, findings: [] }));
  const kept = quiet.slice(0, Math.max(0, most - noisy.length));
  return { lanes: [...noisy, ...kept], more: quiet.length - kept.length };
}

/** Marks of a lane from left to right, none nearer than `apart` px to the next: nearer findings share one. */
export function marksOf(findings: readonly Finding[], span: Span, width: number, apart: number): Mark[] {
  const scale = width / Math.max(1, span.toMs - span.fromMs);
  const placed = findings
    .map((finding) => ({ finding, ms: detectedMs(finding) }))
    .filter(({ ms }) => ms >= span.fromMs && ms <= span.toMs)
    .map(({ finding, ms }) => ({ finding, x: (ms - span.fromMs) * scale }))
    .sort((a, b) => a.x - b.x);
  const groups: { first: number; last: number; findings: Finding[] }[] = [];
  for (const { finding, x } of placed) {
    const group = groups.at(-1);
    if (group && x - group.first < apart) {
      group.findings.unshift(finding);
      group.last = x;
    } else groups.push({ first: x, last: x, findings: [finding] });
  }
  return groups.map(({ first, findings: own }) => ({
    x: Math.min(width - apart / 2, Math.max(apart / 2, first)),
    shown: own.find((finding) => finding.state === 'critical') ?? (own[0] as Finding),
    findings: own,
  }));
}
