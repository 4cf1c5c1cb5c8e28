import { memo, useMemo } from 'react';
import type { Bucket } from '../api/types';
import { minimapTicks } from './minimapTicks';

interface Props {
  buckets: readonly Bucket[];
  total: number;
  onJump(rank: number): void;
}

/** Beside the scroll bar: errors and warnings of the entire result. Keys e E w W do the same by keyboard. */
export const Minimap = memo(function Minimap({ buckets, total, onJump }: Props) {
  const ticks = useMemo(() => minimapTicks(buckets, total), [buckets, total]);
  return (
    <div
      className="minimap"
      aria-hidden="true"
      title="Errors and warnings in the whole result"
      onPointerDown={(event) => {
        const box = event.currentTarget.getBoundingClientRect();
        onJump(Math.floor(((event.clientY - box.top) / box.height) * total));
      }}
    >
      {ticks.map((tick) => (
        <span
          key={tick.rank}
          className={`minimap-tick bar-bg-${tick.level}`}
          style={{ top: `${tick.from * 100}%`, height: `${(tick.to - tick.from) * 100}%`, opacity: tick.strength }}
        />
      ))}
    </div>
  );
});
