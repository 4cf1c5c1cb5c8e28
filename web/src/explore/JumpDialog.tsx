import { type FormEvent, useState } from 'react';
import { parseInstant, type Zone } from '../time/instant';
import { Dialog } from '../ui/Dialog';
import { count } from '../ui/format';

interface Props {
  open: boolean;
  zone: Zone;
  total: number;
  onClose(): void;
  onRank(rank: number): void;
  onTime(instant: bigint): void;
}

/** `:` to a row number or a time, anywhere in the result. */
export function JumpDialog(props: Props) {
  return (
    <Dialog open={props.open} onClose={props.onClose} title="Jump" className="jump">
      <JumpForm {...props} />
    </Dialog>
  );
}

function JumpForm({ zone, total, onClose, onRank, onTime }: Props) {
  const [text, setText] = useState('');
  const [problem, setProblem] = useState(false);

  const jump = (event: FormEvent) => {
    event.preventDefault();
    const target = jumpTarget(text, zone, total);
    if (target === null) {
      setProblem(true);
      return;
    }
    onClose();
    if ('rank' in target) onRank(target.rank);
    else onTime(target.instant);
  };
  return (
    <form className="jump-form" onSubmit={jump}>
      <label className="field">
        <span>Row number (1 = newest, {count(total)} = oldest) or time</span>
        <input
          data-autofocus
          value={text}
          onChange={(event) => {
            setText(event.target.value);
            setProblem(false);
          }}
          aria-invalid={problem}
          aria-describedby="jump-help"
          placeholder="125000 or 10:15 or 2026-11-22 10:15:30"
        />
      </label>
      <p id="jump-help" className={problem ? 'problem' : 'muted'} role={problem ? 'alert' : undefined}>
        {problem
          ? 'Write a row number such as 125000, a time such as 10:15, or a date and time'
          : 'Enter jumps; Esc closes'}
      </p>
      <button type="submit" className="button primary">
        Jump
      </button>
    </form>
  );
}

export type JumpTarget = { rank: number } | { instant: bigint };

/** `10:15` is today. Up to nine digits are a row; more are an epoch. */
export function jumpTarget(text: string, zone: Zone, total: number, today: Date = new Date()): JumpTarget | null {
  const trimmed = text.trim().replace(/[,_]/g, '');
  if (/^\d{1,9}$/.test(trimmed)) return total > 0 ? { rank: Math.min(total, Math.max(1, Number(trimmed))) - 1 } : null;
  const clock = /^\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?$/.test(trimmed);
  const iso = new Date(today.getTime() - (zone === 'local' ? today.getTimezoneOffset() * 60_000 : 0)).toISOString();
  const instant = parseInstant(
    clock
      ? `${iso.slice(0, 10)} ${trimmed.padStart(trimmed.indexOf(':') === 1 ? trimmed.length + 1 : 0, '0')}`
      : trimmed,
    zone,
  );
  return instant === null ? null : { instant };
}
