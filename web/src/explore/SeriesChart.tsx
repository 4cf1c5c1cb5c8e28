import './series.css';
import { type MouseEvent, type PointerEvent, useMemo, useState } from 'react';
import type { Row } from '../api/types';
import type { Drill, LinesBehind } from '../query/drill';
import { safeText } from '../text/safe';
import { displayInstant, type Zone } from '../time/instant';
import { shortCount } from '../ui/format';
import { useSize } from '../ui/size';
import { niceMaximum, tickLabel, timeTicks, wholeTicks } from './histogramShape';
import { boundsOf, nearestSeries, pathOf, type SeriesSet, seriesOf } from './seriesShape';

const HEIGHT = 150;
/** A press that is farther from every line is about its step of time, not about one of them. */
const REACH = 24;

interface Props {
  zone: Zone;
  drill: Drill | null;
  onLines(lines: LinesBehind): void;
}

/** An aggregate over time as lines; the table below says the same, and leads to the same lines by keyboard. Nothing
 * where rows have no times and numbers. */
export function SeriesChart({ rows, ...props }: Props & { rows: Row[] }) {
  const set = useMemo(() => seriesOf(rows, props.drill?.columns), [rows, props.drill]);
  return set && <Chart set={set} {...props} />;
}

function Chart({ set, zone, drill, onLines }: Props & { set: SeriesSet }) {
  const { times, series, leftOut, levels } = set;
  const { ref, width } = useSize<HTMLDivElement>();
  const [pointer, setPointer] = useState<{ place: number; name: string; lines: LinesBehind | null } | null>(null);
  const [least, most] = boundsOf(series);
  const top = niceMaximum(most);
  const bottom = least < 0 ? -niceMaximum(-least) : 0;
  const [first, last] = [times[0] as number, times.at(-1) as number];
  const placeOf = (time: number) => ((time - first) / (last - first)) * width;
  const x = (place: number) => placeOf(times[place] as number);
  const y = (value: number) => HEIGHT - ((value - bottom) / (top - bottom)) * HEIGHT;
  const text = (time: number) => displayInstant(BigInt(time) * 1_000_000n, zone, 0);
  const ticks = timeTicks(first, last, width, zone === 'utc' ? 0 : -new Date(last).getTimezoneOffset() * 60_000);
  const pointed = (event: PointerEvent | MouseEvent) => {
    const { left, top: upper } = event.currentTarget.getBoundingClientRect();
    const at = first + ((event.clientX - left) / width) * (last - first);
    const place = times.reduce(
      (best, time, i) => (Math.abs(time - at) < Math.abs((times[best] ?? 0) - at) ? i : best),
      0,
    );
    const line = nearestSeries(series, place, event.clientY - upper, y, REACH);
    const row = line?.rows[place] ?? series.map(({ rows }) => rows[place]).find(Boolean);
    const lines = row ? (line ? drill?.behind(row) : drill?.step(row)) : null;
    return { place, name: line?.name ?? '', lines: lines ?? null };
  };
  const hover = pointer?.place ?? null;
  const leads = Boolean(pointer?.lines);
  const pointedName = leads && pointer ? pointer.name : null;
  return (
    <figure className="series-chart" aria-label={`${series.map(({ name }) => safeText(name)).join(', ')} over time`}>
      <figcaption className="series-legend">
        {series.map(({ name, values }, i) => (
          <span key={name} className={`series-name ${lineClass(name, i, levels)}`} data-pointed={name === pointedName}>
            <svg width="18" height="8" aria-hidden="true">
              <path d="M1 4h16" className="series-line" />
            </svg>
            {safeText(name.slice(0, 60))}
            {hover !== null && <b>{values[hover] === null ? '–' : shortCount(values[hover] as number)}</b>}
          </span>
        ))}
        {leftOut > 0 && <span className="muted">{leftOut} smaller ones are in the table</span>}
        {hover !== null && <span className="muted series-time">{text(times[hover] as number)}</span>}
      </figcaption>
      <div className="series-plot">
        <div className="series-scale" aria-hidden="true">
          <span>{shortCount(top)}</span>
          <span>{shortCount(bottom)}</span>
        </div>
        <div
          className="series-area"
          ref={ref}
          data-leads={leads}
          title={leads ? 'Press to show the lines behind this' : undefined}
          onPointerMove={(event) => setPointer(pointed(event))}
          onPointerLeave={() => setPointer(null)}
          onClick={(event) => {
            const { lines } = pointed(event);
            if (lines) onLines(lines);
          }}
        >
          <svg width={width} height={HEIGHT} aria-hidden="true">
            <line className="gridline" x1="0" x2={width} y1="0.5" y2="0.5" />
            <line className="gridline" x1="0" x2={width} y1={HEIGHT / 2} y2={HEIGHT / 2} />
            <line className="baseline" x1="0" x2={width} y1={y(0) - 0.5} y2={y(0) - 0.5} />
            {hover !== null && <line className="series-hover" x1={x(hover)} x2={x(hover)} y1="0" y2={HEIGHT} />}
            {width > 0 &&
              series.map(({ name, values }, i) => (
                <path key={name} d={pathOf(values, x, y)} className={`series-line ${lineClass(name, i, levels)}`} />
              ))}
            {hover !== null &&
              series.map(
                ({ name, values }, i) =>
                  name === pointedName && (
                    <circle
                      key={name}
                      cx={x(hover)}
                      cy={y(values[hover] as number)}
                      r="4"
                      className={`series-dot ${lineClass(name, i, levels)}`}
                    />
                  ),
              )}
          </svg>
          <div className="histogram-axis" aria-hidden="true">
            {wholeTicks(ticks, first, last, width).map((tick) => (
              <span key={tick} style={{ left: placeOf(tick) }}>
                {tickLabel(tick, zone, last - first)}
              </span>
            ))}
          </div>
        </div>
      </div>
    </figure>
  );
}

function lineClass(name: string, place: number, levels: boolean): string {
  return levels ? `series-level-${name}` : `series-${place}`;
}
