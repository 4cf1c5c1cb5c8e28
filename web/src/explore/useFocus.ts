import { type RefObject, useCallback, useEffect, useRef, useState } from 'react';
import { isLine, type Line } from '../api/types';
import { parseInstant } from '../time/instant';
import { notify } from '../ui/notice';
import type { ExploreState } from '../url';
import type { ViewportHandle } from './LogViewport';
import { endOfIdTime, rankOfLine } from './navigate';
import type { Update } from './useExploreState';
import type { Shown } from './useResult';

/** The address follows the focus this much later, so that holding `j` does not flood the browser's history. */
const ADDRESS_DELAY_MS = 250;

export interface Focus {
  rank: number;
  /** Focuses a row and brings it into view. */
  to(rank: number, place?: 'nearest' | 'center'): void;
  clear(): void;
}

/**
 * Which line has the focus, in the list and in the address; finds the line that a link names.
 * `stale`: the lines shown answer an older question than the address asks, which their focus has no place in.
 */
export function useFocus(
  state: ExploreState,
  update: Update,
  shown: Shown | null,
  stale: boolean,
  viewport: RefObject<ViewportHandle | null>,
): Focus {
  const [rank, setRank] = useState(-1);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const sought = useRef<{ run: number; sel: string } | null>(null);

  const to = useCallback(
    (target: number, place: 'nearest' | 'center' = 'nearest') => {
      sought.current = null;
      setRank(target);
      viewport.current?.show(target, place);
    },
    [viewport],
  );
  const clear = useCallback(() => setRank(-1), []);

  const runSerial = shown?.run.serial ?? 0;
  const lastRun = useRef(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new answer decides anew
  useEffect(() => {
    if (!shown || lastRun.current === runSerial) return;
    const first = lastRun.current === 0;
    lastRun.current = runSerial;
    // A row that was chosen while the first lines were on their way stays chosen.
    if (first && rank >= 0 && state.rank < 0) return;
    setRank(-1);
    viewport.current?.show(0, 'nearest');
    if (state.rank < 0 && !state.sel) return;
    sought.current = { run: runSerial, sel: state.sel };
    void find(shown, state).then((found) => {
      if (sought.current?.run !== runSerial) return;
      if (found >= 0) to(found, 'center');
      else notify('The line of this link is not in the result');
    });
  }, [runSerial]);

  const row = rank >= 0 ? shown?.pages.at(rank) : undefined;
  const id = isLine(row) ? row.id : '';
  useEffect(() => {
    if (stale || rank < 0 || !id) return;
    clearTimeout(timer.current);
    timer.current = setTimeout(() => update({ rank, sel: id }, 'replace'), ADDRESS_DELAY_MS);
    return () => clearTimeout(timer.current);
  }, [stale, rank, id, update]);

  return { rank, to, clear };
}

/** Where the line of a link is now: at the rank the link says, or wherever its id has moved; -1 = nowhere. */
async function find(shown: Shown, { rank, sel }: ExploreState): Promise<number> {
  if (rank >= 0 && rank < shown.total) {
    const row = await shown.pages.row(rank);
    if (!sel || (isLine(row) && row.id === sel)) return rank;
  }
  // Only lines are in the order of time; of any other answer all rows are here.
  if (shown.run.shape !== 'lines') return shown.pages.rankOf(sel);
  const end = sel ? endOfIdTime(sel) : null;
  if (end === null) return -1;
  try {
    return (await rankByIdTime(shown, sel, end)) ?? -1;
  } catch {
    return -1;
  }
}

async function rankByIdTime(shown: Shown, sel: string, end: bigint): Promise<number | null> {
  const found = await rankOfLine(shown.run, sel, end);
  return found ? found.rank : null;
}

/** Time of a line in ns, for neighbours and context. */
export function timeOf(line: Line): bigint | null {
  return parseInstant(line.timestamp);
}
