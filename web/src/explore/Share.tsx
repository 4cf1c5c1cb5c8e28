import { useCallback, useState } from 'react';
import { nowNs } from '../time/instant';
import { absoluteText, isRelative, type Range, resolveRange } from '../time/range';
import { CopyButton } from '../ui/CopyButton';
import { Icon } from '../ui/Icon';
import { Popover } from '../ui/Popover';
import { type ExploreState, exploreHref } from '../url';

/** A link to what is on screen. With frozen time it shows the same lines tomorrow. `asked`: see `linkTo`. */
export function Share({ state, asked }: { state: ExploreState; asked: Range | null }) {
  const [open, setOpen] = useState(false);
  const [freeze, setFreeze] = useState(true);
  const close = useCallback(() => setOpen(false), []);
  const link = open ? linkTo(state, freeze, asked) : '';
  return (
    <Popover
      open={open}
      onClose={close}
      label="Share"
      align="end"
      trigger={
        <button
          type="button"
          className="button quiet"
          aria-expanded={open}
          aria-haspopup="dialog"
          onClick={() => setOpen(!open)}
        >
          <Icon name="share" />
          <span className="wide-only">Share</span>
        </button>
      }
    >
      <div className="share-panel">
        <label className="field">
          <span>Link</span>
          <input readOnly value={link} onFocus={(event) => event.target.select()} />
        </label>
        <label className="check">
          <input type="checkbox" checked={freeze} onChange={(event) => setFreeze(event.target.checked)} />
          <span>
            Freeze the time
            <span className="muted block">
              {freeze ? 'Shows these lines, whenever it is opened' : 'Moves with the clock'}
            </span>
          </span>
        </label>
        <CopyButton text={link} label="Copy the link">
          Copy link
        </CopyButton>
      </div>
    </Popover>
  );
}

/**
 * Absolute address of a state; `freeze` turns relative times into absolute ones and stops the tail. `asked` is the range
 * of the lines on screen, as it was when they were asked for; null = none was asked for, so it is the present one.
 */
export function linkTo(state: ExploreState, freeze: boolean, asked: Range | null): string {
  const moving = isRelative(state.from) || isRelative(state.to);
  const frozen = freeze && moving ? { ...state, ...frozenRange(state, asked), live: false } : state;
  return location.origin + exploreHref(frozen);
}

function frozenRange(state: ExploreState, asked: Range | null) {
  const now = nowNs();
  const { from, to } = asked ?? resolveRange(state, now);
  return absoluteText({ from, to: to ?? now });
}
