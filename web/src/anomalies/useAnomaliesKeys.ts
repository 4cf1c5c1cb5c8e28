import type { Finding } from '../api/types';
import { useCommands } from '../app/commands';
import { nowNs } from '../time/instant';
import { PRESETS, shiftRange, zoomRange } from '../time/range';
import type { AnomaliesState } from './anomaliesUrl';

interface Parts {
  state: AnomaliesState;
  update(change: Partial<AnomaliesState>): void;
  findings: readonly Finding[];
  selected: string;
  select(id: string): void;
}

/** Walking through findings, and the same keys for time as in Explore. */
export function useAnomaliesKeys({ state, update, findings, selected, select }: Parts): void {
  const at = findings.findIndex(({ id }) => id === selected);
  const move = (place: number) => {
    const target = findings[Math.min(findings.length - 1, Math.max(0, place))];
    if (!target) return false;
    select(target.id);
    return true;
  };
  useCommands({
    lineDown: () => move(at + 1),
    lineUp: () => move(at < 0 ? 0 : at - 1),
    first: () => move(0),
    last: () => move(findings.length - 1),
    shiftEarlier: () => update(shiftRange(state, -1, nowNs())),
    shiftLater: () => update(shiftRange(state, 1, nowNs())),
    zoomIn: () => update(zoomRange(state, 'in', nowNs())),
    zoomOut: () => update(zoomRange(state, 'out', nowNs())),
    preset: (key) => {
      const preset = PRESETS[Number(key) - 1];
      if (preset) update({ from: preset.from, to: preset.to });
    },
  });
}
