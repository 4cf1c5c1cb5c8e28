import { useCallback, useMemo } from 'react';
import { useLocation, useSearch } from 'wouter';
import { useSettings } from '../settings/store';
import { type AnomaliesState, anomaliesHref, decodeAnomalies } from './anomaliesUrl';

/** Range and filters of the page, which are the address; where that names no clock it is the chosen one. */
export function useAnomaliesState(): [AnomaliesState, (change: Partial<AnomaliesState>) => void] {
  const search = useSearch();
  const [, navigate] = useLocation();
  const zone = useSettings((settings) => settings.zone);
  const state = useMemo(() => decodeAnomalies(search, zone), [search, zone]);
  const update = useCallback(
    (change: Partial<AnomaliesState>) => {
      const href = anomaliesHref({ ...decodeAnomalies(location.search), ...change });
      if (href !== location.pathname + location.search) navigate(href);
    },
    [navigate],
  );
  return [state, update];
}
