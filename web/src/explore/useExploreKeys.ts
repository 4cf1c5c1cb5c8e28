import { type RefObject, useRef } from 'react';
import { ApiError } from '../api/errors';
import { parseExact } from '../api/exactJson';
import type { Line } from '../api/types';
import { type Handlers, useCommands } from '../app/commands';
import { noteOutcome } from '../app/connection';
import { nowNs } from '../time/instant';
import { PRESETS, shiftRange, zoomRange } from '../time/range';
import { copyText } from '../ui/clipboard';
import { notify } from '../ui/notice';
import type { ExploreState } from '../url';
import type { FilterHow } from './Facets';
import type { ViewportHandle } from './LogViewport';
import { nextMatch, rankOfTime } from './navigate';
import { linkTo } from './Share';
import { type Update, undoDepth } from './useExploreState';
import type { Focus } from './useFocus';
import type { Shown } from './useResult';

interface Parts {
  state: ExploreState;
  update: Update;
  shown: Shown | null;
  total: number;
  focus: Focus;
  focusedLine: Line | null;
  viewport: RefObject<ViewportHandle | null>;
  openDrawer(): void;
  openJump(): void;
  onFilter(field: string, value: unknown, how: FilterHow): void;
}

export interface Jumps {
  toRank(rank: number): void;
  toTime(instant: bigint): void;
}

/** What the keys of Explore do. */
export function useExploreKeys(parts: Parts): Jumps {
  const { state, update, shown, total, focus, focusedLine, viewport } = parts;
  const busy = useRef(false);

  const move = (rank: number) => {
    if (total > 0) focus.to(Math.min(total - 1, Math.max(0, rank)));
  };
  const page = () => viewport.current?.pageRows() ?? 20;
  const toRank = (rank: number) => {
    if (total > 0) focus.to(Math.min(total - 1, Math.max(0, rank)), 'center');
  };

  /** One far jump at a time; holding a key does not queue them. */
  const far = async (act: () => Promise<void>) => {
    if (busy.current || !shown) return;
    busy.current = true;
    try {
      await act();
    } catch (error) {
      noteOutcome(error);
      if (error instanceof ApiError) notify(error.message);
    } finally {
      busy.current = false;
    }
  };
  const toMatch = (clause: string, direction: 'older' | 'newer', what: string) => {
    void far(async () => {
      if (shown?.run.shape !== 'lines') return;
      const found = await nextMatch(shown.run, clause, focusedLine, direction);
      if (found) focus.to(found.rank, 'center');
      else notify(`No ${direction === 'older' ? 'older' : 'newer'} ${what} in this result`);
    });
  };
  const toTime = (instant: bigint) => {
    void far(async () => {
      if (shown) toRank(await rankOfTime(shown.run, instant));
    });
  };

  const filter = (how: FilterHow) => {
    const marked = document.activeElement?.closest<HTMLElement>('[data-field]');
    if (marked?.dataset.field && marked.dataset.value) {
      parts.onFilter(marked.dataset.field, parseExact(marked.dataset.value), how);
    } else if (focusedLine?.service) parts.onFilter('service', focusedLine.service, how);
    else notify('Focus a line or a value first');
  };

  const copyLine = async () => {
    if (focusedLine && (await copyText(String(focusedLine.message)))) notify('Line copied');
  };
  const copyLink = async () => {
    const target = focusedLine ? { ...state, rank: focus.rank, sel: focusedLine.id } : state;
    if (await copyText(linkTo(target, true, shown?.run.range ?? null))) notify('Link copied');
  };

  const handlers: Handlers = {
    lineDown: () => move(focus.rank + 1),
    lineUp: () => move(focus.rank < 0 ? 0 : focus.rank - 1),
    first: () => move(0),
    last: () => move(total - 1),
    pageDown: () => move(Math.max(0, focus.rank) + page()),
    pageUp: () => move(focus.rank - page()),
    jump: () => parts.openJump(),
    nextError: () => toMatch('level>=error', 'older', 'error'),
    previousError: () => toMatch('level>=error', 'newer', 'error'),
    nextWarning: () => toMatch('level:warn', 'older', 'warning'),
    previousWarning: () => toMatch('level:warn', 'newer', 'warning'),
    open: () => {
      if (focus.rank < 0) move(viewport.current ? Math.min(viewport.current.middle(), 0) : 0);
      parts.openDrawer();
    },
    copyLine: () => void copyLine(),
    copyLink: () => void copyLink(),
    filterFor: () => filter('for'),
    filterOut: () => filter('out'),
    filterOnly: () => filter('only'),
    undo: () => (undoDepth() > 0 ? history.back() : notify('Nothing to undo')),
    redo: () => history.forward(),
    live: () => update({ live: !state.live, view: 'lines' }),
    viewLines: () => update({ view: 'lines' }),
    viewPatterns: () => update({ view: 'patterns', live: false }),
    viewCompare: () => update({ view: 'compare', live: false }),
    shiftEarlier: () => update({ ...shiftRange(state, -1, nowNs()), live: false }),
    shiftLater: () => update({ ...shiftRange(state, 1, nowNs()), live: false }),
    zoomIn: () => update({ ...zoomRange(state, 'in', nowNs()), live: false }),
    zoomOut: () => update({ ...zoomRange(state, 'out', nowNs()), live: false }),
    preset: (key) => {
      const preset = PRESETS[Number(key) - 1];
      if (preset) update({ from: preset.from, to: preset.to, live: false });
    },
  };
  useCommands(handlers);
  return { toRank, toTime };
}
