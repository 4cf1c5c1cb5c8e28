import { count } from '../ui/format';
import { Icon } from '../ui/Icon';
import type { Tail } from './useTail';

const STATES: Record<Tail['state'], string> = {
  connecting: 'Connecting…',
  open: 'Live',
  reconnecting: 'Connection lost, trying again…',
  refused: 'The node refused to follow this query',
};

/** State of the live tail: rate, pause, how many lines wait. */
export function LiveBar({ tail, onStop }: { tail: Tail; onStop(): void }) {
  const { buffer, state, rate } = tail;
  return (
    <section className="live-bar" aria-label="Live tail">
      <span className={`live-dot live-${buffer.paused ? 'paused' : state}`} aria-hidden="true" />
      <strong>{buffer.paused ? 'Paused' : STATES[state]}</strong>
      <span className="muted number">{count(buffer.received)} lines since it began</span>
      {rate !== null && <span className="muted number">{rateText(rate)}</span>}
      <span className="live-space" />
      <button type="button" className="button quiet" onClick={buffer.paused ? tail.resume : tail.pause}>
        <Icon name={buffer.paused ? 'play' : 'pause'} />
        {buffer.paused ? 'Resume' : 'Pause'}
      </button>
      <button type="button" className="button quiet" onClick={onStop}>
        <Icon name="close" />
        Stop
      </button>
    </section>
  );
}

function rateText(rate: number): string {
  return `${rate < 10 ? Math.round(rate * 10) / 10 : count(Math.round(rate))} lines/s`;
}
