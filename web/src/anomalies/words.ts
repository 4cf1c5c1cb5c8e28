/** A finding in words: nothing is said that its numbers do not say. */

import type { FeedbackAnswer, Finding } from '../api/types';
import { SECOND_NS } from '../time/instant';
import { displaySpan } from '../time/range';
import { count } from '../ui/format';

/** The statement without the message it ends with, where that message is shown below it. */
export function headline(finding: Finding): string {
  const example = finding.examples[0]?.split(/\s+/).filter(Boolean).join(' ');
  if (!example) return finding.statement;
  const ending = `: ${example.length <= 160 ? example : `${example.slice(0, 159)}…`}`;
  return finding.statement.endsWith(ending) ? finding.statement.slice(0, -ending.length) : finding.statement;
}

export function spanText(seconds: number): string {
  return displaySpan(BigInt(Math.round(seconds)) * SECOND_NS);
}

export function confidenceText(finding: Finding): string {
  return `confidence ${Math.floor(finding.confidence * 100)} %, watched for ${spanText(finding.watched_s)}`;
}

/** Evidence is -log10 of a probability; beyond a million the number is of no use to people. */
export function rarityText(evidence: number): string {
  if (evidence >= 6) return 'rarer than 1 step in a million';
  const times = 10 ** evidence;
  const digits = 10 ** Math.max(0, Math.floor(evidence) - 1);
  return `as rare as 1 step in ${count(Math.max(1, Math.round(times / digits) * digits))}`;
}

/** What a verdict changed, as the node answered it. */
export function effectText(answer: FeedbackAnswer, service: string): string {
  if (answer.muted) return `Muted: no more of exactly this about ${service} until somebody calls it useful.`;
  const extra = answer.extra_evidence ?? 0;
  if (extra > 0) return `From now on this has to be ${count(Math.round(10 ** extra))} times rarer to be told again.`;
  return extra < 0 ? 'From now on this is told sooner.' : 'This is told as before.';
}
