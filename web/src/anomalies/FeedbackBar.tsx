import type { Verdict } from '../api/types';
import { bindingOf } from '../keymap/bindings';
import type { Feedback } from './useFeedback';
import { effectText } from './words';

const VERDICTS: { verdict: Verdict; label: string; about: string }[] = [
  { verdict: 'useful', label: 'Useful', about: 'Tell such sooner' },
  { verdict: 'noise', label: 'Noise', about: 'Tell such only when it is much rarer' },
  { verdict: 'expected', label: 'Expected', about: 'No more of exactly this' },
];

interface Props {
  given: Verdict | null;
  service: string;
  feedback: Feedback;
}

/** Three verdicts, which of them was given, and what it changed. */
export function FeedbackBar({ given, service, feedback }: Props) {
  const { answer, problem, busy } = feedback;
  const said = answer && answer.verdict === given && !busy ? effectText(answer, service) : '';
  return (
    <div className="feedback">
      <div className="feedback-buttons" role="group" aria-label="What is this finding worth?">
        {VERDICTS.map(({ verdict, label, about }) => (
          <button
            key={verdict}
            type="button"
            className="button"
            aria-pressed={given === verdict}
            title={`${about} (${bindingOf(verdict).keys[0]})`}
            onClick={() => feedback.say(verdict)}
          >
            {given === verdict && <span aria-hidden="true">✓</span>}
            {label}
          </button>
        ))}
      </div>
      {problem ? (
        <p className="problem" role="alert">
          Not kept: {problem}
        </p>
      ) : (
        <p className="feedback-effect muted" role="status">
          {said}
        </p>
      )}
    </div>
  );
}
