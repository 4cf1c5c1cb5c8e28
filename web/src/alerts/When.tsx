import { useSettings } from '../settings/store';
import { displayInstant, nowNs, parseInstant } from '../time/instant';
import { displaySpan } from '../time/range';

/** A moment by the chosen clock and how long ago it was, or is yet to come. */
export function When({ time }: { time: string }) {
  const zone = useSettings((settings) => settings.zone);
  const at = parseInstant(time) ?? 0n;
  const age = nowNs() - at;
  return (
    <time dateTime={time} className="number">
      {displayInstant(at, zone, 0)}
      {age > 0n ? ` (${displaySpan(age)} ago)` : ` (in ${displaySpan(-age)})`}
    </time>
  );
}
