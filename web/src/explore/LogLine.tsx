import { memo, useMemo } from 'react';
import type { Line } from '../api/types';
import { levelOf, signOf } from '../levels';
import { rowText } from '../text/safe';
import { instantParts, parseInstant, type Zone } from '../time/instant';
import { count } from '../ui/format';

interface Props {
  line: Line;
  zone: Zone;
  withDate: boolean;
  /** Outside a grid its cells have no role. */
  plain?: boolean;
}

/** Cells of one line: level, time, service, message. Log text is only ever a text node. */
export const LogLine = memo(function LogLine({ line, zone, withDate, plain }: Props) {
  const role = plain ? undefined : 'gridcell';
  const level = levelOf(line.level);
  const sign = signOf(level);
  const time = useMemo(() => parseInstant(line.timestamp), [line.timestamp]);
  const message = useMemo(() => rowText(String(line.message)), [line.message]);
  const parts = time === null ? null : instantParts(time, zone);
  const service = line.service ? rowText(String(line.service)).text : '';
  return (
    <>
      <span className={`line-level level-${level}`} role={role}>
        <span aria-hidden="true">{sign.letter}</span>
        <span className="sr-only">{sign.word}</span>
      </span>
      <span className="line-time" role={role}>
        {parts ? (
          <>
            {withDate && <span className="line-date">{parts.date.slice(5)} </span>}
            {parts.time}
            <span className="line-fraction">.{parts.fraction.slice(0, 3)}</span>
          </>
        ) : (
          rowText(String(line.timestamp)).text
        )}
      </span>
      <span className="line-service" role={role} title={service}>
        {service}
      </span>
      <span className="line-message" role={role}>
        <span className="line-text" dir="auto">
          {message.text}
        </span>
        {message.cut > 0 && <span className="chip">+{count(message.cut)} characters</span>}
        {message.moreLines > 0 && <span className="chip">+{message.moreLines} lines</span>}
      </span>
    </>
  );
});

/** What stands in a row while its page is on the way: as wide as a line would be, still. */
export function LineSkeleton({ rank }: { rank: number }) {
  const width = `${28 + ((rank * 37) % 55)}%`;
  return (
    <>
      <span className="line-level" role="gridcell" />
      <span className="line-time" role="gridcell">
        <span className="skeleton" style={{ width: '9ch' }} />
      </span>
      <span className="line-service" role="gridcell">
        <span className="skeleton" style={{ width: '7ch' }} />
      </span>
      <span className="line-message" role="gridcell">
        <span className="sr-only">loading</span>
        <span className="skeleton" style={{ width }} />
      </span>
    </>
  );
}
