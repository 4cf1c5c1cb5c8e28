import type { TailGap } from '../api/types';
import { count } from '../ui/format';

/** Stands where the live tail could not keep up; the lines are stored and one press away. */
export function GapRow({ gap, onShow }: { gap: TailGap; onShow(gap: TailGap): void }) {
  return (
    <span className="gap" role="gridcell">
      {count(gap.dropped)} lines came too fast to show.{' '}
      <button
        type="button"
        className="link-button"
        onClick={(event) => {
          event.stopPropagation();
          onShow(gap);
        }}
      >
        Show them
      </button>
    </span>
  );
}
