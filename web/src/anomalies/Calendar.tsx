import { useMemo } from 'react';
import type { FindingCount } from '../api/types';
import { displayInstant, type Zone } from '../time/instant';
import { plural } from '../ui/format';
import { PHONE, useMedia } from '../ui/media';
import { type CalendarCell, calendarOf } from './calendar';
import type { Span } from './laneLayout';

interface Props {
  counts: readonly FindingCount[];
  span: Span;
  zone: Zone;
  onZoom(span: Span): void;
}

/** How much was noticed by day and time of day: what comes every night, and the day that was unlike the others. */
export function Calendar({ counts, span, zone, onZoom }: Props) {
  const hours = useMedia(PHONE) ? 4 : 1;
  const days = useMemo(() => calendarOf(counts, span, zone, hours), [counts, span, zone, hours]);
  return (
    <table className="calendar" aria-label="Findings by day and time of day">
      <thead>
        <tr>
          <td />
          {days[0]?.cells.map(({ hour }) => (
            <th key={hour} scope="col">
              <span className={hour % 3 === 0 || hours > 1 ? undefined : 'sr-only'}>
                {String(hour).padStart(2, '0')}
              </span>
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {days.map((day) => (
          <tr key={day.date}>
            <th scope="row">
              {day.weekday} {day.date.slice(5)}
            </th>
            {day.cells.map((cell) => (
              <td key={cell.hour}>{cell.count > 0 && <Cell cell={cell} zone={zone} onZoom={onZoom} />}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Cell({ cell, zone, onZoom }: { cell: CalendarCell; zone: Zone; onZoom(span: Span): void }) {
  const [from, to] = [cell.fromMs, cell.toMs].map((ms) =>
    displayInstant(BigInt(ms) * 1_000_000n, zone, 0).slice(0, -3),
  );
  const critical = cell.critical > 0 ? `, ${cell.critical} critical` : '';
  const label = `${from} to ${to?.slice(11)}: ${plural(cell.count, 'finding')}${critical}`;
  return (
    <button
      type="button"
      className="calendar-cell number"
      data-depth={cell.count < 2 ? 1 : cell.count < 5 ? 2 : 3}
      data-critical={cell.critical > 0}
      aria-label={label}
      title={label}
      onClick={() => onZoom(cell)}
    >
      {cell.count}
    </button>
  );
}
