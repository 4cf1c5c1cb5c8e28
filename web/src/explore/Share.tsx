import { useCallback, useState } from 'react';
import { nowNs } from '../time/instant';
import { absoluteText, isRelative, resolveRange } from '../time/range';
import { CopyButton } from '../ui/CopyButton';
import { Icon } from '../ui/Icon';
import { Popover } from '../ui/Popover';
import { type ExploreState, exploreHref } from '../url';

/** A link to what is on screen. With frozen time it shows the same lines tomorrow. */
export function Share({ state }: { state: ExploreState }) {
  const [open, setOpen] = useState(false);
  const [freeze, setFreeze] = useState(true);
  const close = useCallback(() => setOpen(false), []);
  const link = open ? linkTo(state, freeze) : '';
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

/** Absolute address of a state; `freeze` turns relative times into the present ones and stops the tail. */
export function linkTo(state: ExploreState, freeze: boolean): string {
  const moving = isRelative(state.from) || isRelative(state.to);
  const frozen = freeze && moving ? { ...state, ...frozenRange(state), live: false } : state;
  return location.origin + exploreHref(frozen);
}

function frozenRange(state: ExploreState) {
  const now = nowNs();
  const range = resolveRange(state, now);
  return absoluteText({ from: range.from, to: range.to });
}
