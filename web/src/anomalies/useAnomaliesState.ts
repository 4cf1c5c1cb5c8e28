import { useCallback, useMemo } from 'react';
import { useLocation, useSearch } from 'wouter';
import { type AnomaliesState, anomaliesHref, decodeAnomalies } from './anomaliesUrl';

/** Range and filters of the page, which are the address. */
export function useAnomaliesState(): [AnomaliesState, (change: Partial<AnomaliesState>) => void] {
  const search = useSearch();
  const [, navigate] = useLocation();
  const state = useMemo(() => decodeAnomalies(search), [search]);
  const update = useCallback(
    (change: Partial<AnomaliesState>) => {
      const href = anomaliesHref({ ...decodeAnomalies(location.search), ...change });
      if (href !== location.pathname + location.search) navigate(href);
    },
    [navigate],
  );
  return [state, update];
}
