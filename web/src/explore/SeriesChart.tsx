import './series.css';
import { type PointerEvent, useMemo, useState } from 'react';
import type { Row } from '../api/types';
import { safeText } from '../text/safe';
import { displayInstant, type Zone } from '../time/instant';
import { shortCount } from '../ui/format';
import { useSize } from '../ui/size';
import { niceMaximum, tickLabel, timeTicks, wholeTicks } from './histogramShape';
import { boundsOf, pathOf, type SeriesSet, seriesOf } from './seriesShape';

const HEIGHT = 150;

/** An aggregate over time as lines; the table below says the same. Nothing where rows have no times and numbers. */
export function SeriesChart({ rows, zone }: { rows: Row[]; zone: Zone }) {
  const set = useMemo(() => seriesOf(rows), [rows]);
  return set && <Chart set={set} zone={zone} />;
}

function Chart({ set, zone }: { set: SeriesSet; zone: Zone }) {
  const { times, series, leftOut, levels } = set;
  const { ref, width } = useSize<HTMLDivElement>();
  const [hover, setHover] = useState<number | null>(null);
  const [least, most] = boundsOf(series);
  const top = niceMaximum(most);
  const bottom = least < 0 ? -niceMaximum(-least) : 0;
  const [first, last] = [times[0] as number, times.at(-1) as number];
  const placeOf = (time: number) => ((time - first) / (last - first)) * width;
  const x = (place: number) => placeOf(times[place] as number);
  const y = (value: number) => HEIGHT - ((value - bottom) / (top - bottom)) * HEIGHT;
  const text = (time: number) => displayInstant(BigInt(time) * 1_000_000n, zone, 0);
  const ticks = timeTicks(first, last, width, zone === 'utc' ? 0 : -new Date(last).getTimezoneOffset() * 60_000);
  const onPointerMove = (event: PointerEvent) => {
    const at = first + ((event.clientX - event.currentTarget.getBoundingClientRect().left) / width) * (last - first);
    const nearest = times.reduce(
      (best, time, i) => (Math.abs(time - at) < Math.abs((times[best] ?? 0) - at) ? i : best),
      0,
    );
    setHover(nearest);
  };
  return (
    <figure className="series-chart" aria-label={`${series.map(({ name }) => safeText(name)).join(', ')} over time`}>
      <figcaption className="series-legend">
        {series.map(({ name, values }, i) => (
          <span key={name} className={`series-name ${lineClass(name, i, levels)}`}>
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
        <div className="series-area" ref={ref} onPointerMove={onPointerMove} onPointerLeave={() => setHover(null)}>
          <svg width={width} height={HEIGHT} aria-hidden="true">
            <line className="gridline" x1="0" x2={width} y1="0.5" y2="0.5" />
            <line className="gridline" x1="0" x2={width} y1={HEIGHT / 2} y2={HEIGHT / 2} />
            <line className="baseline" x1="0" x2={width} y1={y(0) - 0.5} y2={y(0) - 0.5} />
            {hover !== null && <line className="series-hover" x1={x(hover)} x2={x(hover)} y1="0" y2={HEIGHT} />}
            {width > 0 &&
              series.map(({ name, values }, i) => (
                <path key={name} d={pathOf(values, x, y)} className={`series-line ${lineClass(name, i, levels)}`} />
              ))}
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
