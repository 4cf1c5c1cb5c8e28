import { type FormEvent, useEffect, useState } from 'react';
import { addSilence, type NewSilence } from '../api/client';
import { Dialog } from '../ui/Dialog';
import { problemText, useChange } from './useAlerting';

const LENGTHS = [
  ['30m', '30 minutes'],
  ['2h', '2 hours'],
  ['8h', '8 hours'],
  ['1d', 'a day'],
  ['7d', 'a week'],
] as const;

interface Props {
  open: boolean;
  onClose(): void;
  /** Labels to begin with. */
  given?: Record<string, string>;
}

/** Alerts that match are kept and shown, but nobody is told of them. */
export function SilenceDialog({ open, onClose, given = {} }: Props) {
  const [text, setText] = useState('');
  const [length, setLength] = useState('2h');
  const [comment, setComment] = useState('');
  const silence = useChange(
    (made: NewSilence) => addSilence(made),
    ({ to }) => `Silenced for ${LENGTHS.find(([value]) => value === to)?.[1] ?? to}`,
  );
  const first = matcherText(given);
  useEffect(() => {
    if (open) setText(first);
  }, [open, first]);
  const matchers = readMatchers(text);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (matchers) silence.mutate({ matchers, to: length, comment }, { onSuccess: onClose });
  };
  return (
    <Dialog open={open} onClose={onClose} title="Silence alerts">
      <form className="alert-form" onSubmit={submit}>
        <label>
          <span>Alerts with these labels</span>
          <input
            className="entry"
            data-autofocus
            value={text}
            onChange={(event) => setText(event.target.value)}
            placeholder="service=payment rule=/slow-.*/"
          />
          <span className="muted">
            {matchers === null
              ? 'Write label=value, separated by blanks; /…/ is a pattern.'
              : Object.keys(matchers).length === 0
                ? 'Without a label every alert is silenced.'
                : 'All of them must match. Detection goes on; nobody is told.'}
          </span>
        </label>
        <label>
          <span>For</span>
          <select className="entry" value={length} onChange={(event) => setLength(event.target.value)}>
            {LENGTHS.map(([value, label]) => (
              <option key={value} value={value}>
                {label}
              </option>
            ))}
          </select>
        </label>
        <label>
          <span>Why</span>
          <input
            className="entry"
            value={comment}
            maxLength={1_000}
            onChange={(event) => setComment(event.target.value)}
          />
        </label>
        {silence.error && (
          <p className="problem" role="alert">
            {problemText(silence.error)}
          </p>
        )}
        <footer className="form-foot">
          <button type="submit" className="button primary" disabled={!matchers || silence.isPending}>
            Silence
          </button>
        </footer>
      </form>
    </Dialog>
  );
}

export function matcherText(matchers: Record<string, string>): string {
  return Object.entries(matchers)
    .map(([name, value]) => `${name}=${/[\s"]/.test(value) ? JSON.stringify(value) : value}`)
    .join(' ');
}

/** `null` when the text is not a list of `label=value`. */
export function readMatchers(text: string): Record<string, string> | null {
  const found: Record<string, string> = {};
  const rest = text.replace(/([\w.-]+)=("(?:[^"\\]|\\.)*"|\S+)/g, (_, name: string, value: string) => {
    found[name] = value.startsWith('"') ? unquoted(value) : value;
    return '';
  });
  return rest.trim() === '' ? found : null;
}

function unquoted(value: string): string {
  try {
    return String(JSON.parse(value));
  } catch {
    return value;
  }
}
