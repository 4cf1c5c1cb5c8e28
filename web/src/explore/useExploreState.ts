import { useCallback, useMemo } from 'react';
import { useLocation, useSearch } from 'wouter';
import { useSettings } from '../settings/store';
import { decodeState, type ExploreState, exploreHref } from '../url';

export type Update = (change: Partial<ExploreState>, how?: 'push' | 'replace') => void;

/** State of Explore, which is the address; where that names no clock it is the chosen one. A change of what is asked forgets the focused line. */
export function useExploreState(): [ExploreState, Update] {
  const search = useSearch();
  const [, navigate] = useLocation();
  const zone = useSettings((settings) => settings.zone);
  const state = useMemo(() => decodeState(search, zone), [search, zone]);
  const update = useCallback<Update>(
    (change, how = 'push') => {
      const old = decodeState(location.search);
      const asksAnew = (['q', 'from', 'to', 'live'] as const).some((key) => key in change && change[key] !== old[key]);
      const next = { ...old, ...(asksAnew ? { sel: '', rank: -1 } : {}), ...change };
      const href = exploreHref(next);
      if (href === location.pathname + location.search) return;
      const depth = undoDepth() + (how === 'push' ? 1 : 0);
      navigate(href, { replace: how === 'replace', state: { depth } });
    },
    [navigate],
  );
  return [state, update];
}

/** How many changes of this page can be taken back before the browser would leave it. */
export function undoDepth(): number {
  const depth: unknown = (history.state as { depth?: unknown } | null)?.depth;
  return typeof depth === 'number' ? depth : 0;
}
