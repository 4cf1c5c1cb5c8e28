import { type KeyboardEvent, type PointerEvent, useId, useMemo, useRef, useState } from 'react';
import type { Bucket, HistogramAnswer } from '../api/types';
import { type Level, STACK_ORDER, signOf } from '../levels';
import { instantParts, parseInstant, type Zone } from '../time/instant';
import { displaySpan } from '../time/range';
import { count, shortCount } from '../ui/format';
import { Icon } from '../ui/Icon';
import { useSize } from '../ui/size';
import { HistogramTable } from './HistogramTable';
import { layersOf, niceMaximum, tickLabel, timeTicks, trendSentence, wholeTicks } from './histogramShape';

interface Props {
  answer: HistogramAnswer | null;
  zone: Zone;
  /** Whether these bars belong to an older question, and if so what became of the new one. */
  stale: 'no' | 'loading' | 'ready' | 'failed';
  onZoom(fromNs: bigint, toNs: bigint): void;
  onLevel(level: Level): void;
}

const HEIGHT = 88;
/** A time mark nearer to the right edge would be cut. */
/** Lines over time by level. Drag, or Shift and arrows, selects a part; Enter or letting go zooms into it. */
export function Histogram({ answer, zone, stale, onZoom, onLevel }: Props) {
  const { ref, width } = useSize<HTMLDivElement>();
  const [table, setTable] = useState(false);
  const [hover, setHover] = useState<number | null>(null);
  const [brush, setBrush] = useState<[number, number] | null>(null);
  const dragging = useRef<number | null>(null);
  const trendId = useId();

  const buckets = answer?.data ?? [];
  const maximum = niceMaximum(buckets.reduce((most, bucket) => Math.max(most, bucket.total), 0));
  const layers = useMemo(() => layersOf(buckets, width, HEIGHT, maximum), [buckets, width, maximum]);
  const times = useMemo(() => timesOf(answer), [answer]);
  const label = (ns: bigint) => timeLabel(ns, zone, times);
  const trend = trendSentence(buckets, (bucket) => label(parseInstant(bucket.time) ?? 0n));
  const step = buckets.length ? width / buckets.length : 0;

  const bucketAt = (event: PointerEvent) => {
    const box = event.currentTarget.getBoundingClientRect();
    return Math.min(buckets.length - 1, Math.max(0, Math.floor((event.clientX - box.left) / step)));
  };
  const zoomTo = ([a, b]: [number, number]) => {
    const from = times.starts[Math.min(a, b)];
    const to = times.starts[Math.max(a, b) + 1] ?? times.end;
    if (from !== undefined && to > from) onZoom(from, to);
    setBrush(null);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const last = buckets.length - 1;
    const direction = { ArrowLeft: -1, ArrowRight: 1, Home: -buckets.length, End: buckets.length }[event.key];
    if (direction !== undefined && last >= 0) {
      const at = Math.min(last, Math.max(0, (hover ?? (direction > 0 ? -1 : last + 1)) + direction));
      if (event.shiftKey) setBrush([brush?.[0] ?? hover ?? at, at]);
      else setBrush(null);
      setHover(at);
    } else if (event.key === 'Enter' && (brush || hover !== null)) zoomTo(brush ?? [hover ?? 0, hover ?? 0]);
    else if (event.key === 'Escape' && (brush || hover !== null)) {
      setBrush(null);
      setHover(null);
    } else return;
    event.preventDefault();
  };

  const ticks = timeTicks(
    times.startMs,
    times.endMs,
    width,
    zone === 'utc' ? 0 : -new Date(times.endMs || 0).getTimezoneOffset() * 60_000,
  );
  const placeOf = (tick: number) => ((tick - times.startMs) / (times.endMs - times.startMs)) * width;
  const focusBucket = hover === null ? undefined : buckets[hover];
  return (
    <section className="histogram" aria-label="Lines over time" data-stale={stale}>
      <div className="histogram-head">
        <Legend layers={layers} onLevel={onLevel} />
        <span className="histogram-interval muted">
          {answer && `${displaySpan(BigInt(Math.round(answer.interval_ms)) * 1_000_000n)} per bar`}
        </span>
        <button
          type="button"
          className="icon-button"
          aria-pressed={table}
          onClick={() => setTable(!table)}
          aria-label="Show as a table"
          title="Show as a table"
        >
          <Icon name={table ? 'chart' : 'table'} />
        </button>
      </div>
      <p className="sr-only" id={trendId}>
        {trend}
      </p>
      {table ? (
        <HistogramTable buckets={buckets} timeOf={(bucket) => label(parseInstant(bucket.time) ?? 0n)} />
      ) : (
        <div className="histogram-plot">
          <div className="histogram-scale" aria-hidden="true">
            <span>{buckets.length > 0 && shortCount(maximum)}</span>
            <span>0</span>
          </div>
          <div
            className="histogram-area"
            ref={ref}
            role="group"
            tabIndex={0}
            data-own-keys
            aria-label="Histogram; arrow keys read the bars, Shift and arrows select, Enter zooms"
            aria-describedby={trendId}
            onKeyDown={onKeyDown}
            onBlur={() => setHover(null)}
            onPointerDown={(event) => {
              if (event.button !== 0 || buckets.length === 0) return;
              event.currentTarget.setPointerCapture(event.pointerId);
              dragging.current = bucketAt(event);
              setBrush(null);
            }}
            onPointerMove={(event) => {
              if (buckets.length === 0) return;
              const at = bucketAt(event);
              setHover(at);
              if (dragging.current !== null && (brush || at !== dragging.current)) setBrush([dragging.current, at]);
            }}
            onPointerUp={(event) => {
              const start = dragging.current;
              dragging.current = null;
              if (start !== null) zoomTo([start, bucketAt(event)]);
            }}
            onPointerCancel={() => {
              dragging.current = null;
              setBrush(null);
            }}
            onPointerLeave={() => dragging.current === null && setHover(null)}
          >
            <svg width={width} height={HEIGHT} aria-hidden="true" className="histogram-bars">
              <line className="gridline" x1="0" x2={width} y1="0.5" y2="0.5" />
              <line className="gridline" x1="0" x2={width} y1={HEIGHT / 2 + 0.5} y2={HEIGHT / 2 + 0.5} />
              <line className="baseline" x1="0" x2={width} y1={HEIGHT - 0.5} y2={HEIGHT - 0.5} />
              {layers.map((layer) => (
                <path key={layer.level} className={`bar-${layer.level}`} d={layer.path} />
              ))}
              {hover !== null && !brush && (
                <rect className="hover-bar" x={hover * step} width={step} y="0" height={HEIGHT} />
              )}
              {brush && (
                <rect
                  className="brush"
                  x={Math.min(...brush) * step}
                  width={(Math.abs(brush[1] - brush[0]) + 1) * step}
                  y="0"
                  height={HEIGHT}
                />
              )}
            </svg>
            <div className="histogram-axis" aria-hidden="true">
              {wholeTicks(ticks, times.startMs, times.endMs, width).map((tick) => (
                <span key={tick} style={{ left: placeOf(tick) }}>
                  {tickLabel(tick, zone, times.spanMs)}
                </span>
              ))}
            </div>
            {focusBucket && hover !== null && (
              <BucketTip
                bucket={focusBucket}
                title={
                  brush
                    ? `${label(times.starts[Math.min(...brush)] ?? 0n)} – ${label(times.starts[Math.max(...brush) + 1] ?? times.end)}`
                    : label(times.starts[hover] ?? 0n)
                }
                left={(hover + 0.5) * step}
                width={width}
              />
            )}
          </div>
        </div>
      )}
      <p className="sr-only" role="status">
        {focusBucket && `${label(times.starts[hover ?? 0] ?? 0n)}: ${describe(focusBucket)}`}
      </p>
    </section>
  );
}

interface Times {
  starts: bigint[];
  end: bigint;
  startMs: number;
  endMs: number;
  spanMs: number;
}

function timesOf(answer: HistogramAnswer | null): Times {
  const starts = (answer?.data ?? []).map((bucket) => parseInstant(bucket.time) ?? 0n);
  const interval = BigInt(Math.max(1, Math.round((answer?.interval_ms ?? 1) * 1e6)));
  const end = starts.length ? (starts.at(-1) as bigint) + interval : 0n;
  const startMs = Number((starts[0] ?? 0n) / 1_000_000n);
  const endMs = Number(end / 1_000_000n);
  return { starts, end, startMs, endMs, spanMs: endMs - startMs };
}

const DAY_MS = 86_400_000;

function timeLabel(ns: bigint, zone: Zone, times: Times): string {
  const { date, time, fraction } = instantParts(ns, zone);
  const clock = times.spanMs < 60_000 ? `${time}.${fraction.slice(0, 3)}` : time;
  return times.spanMs > DAY_MS / 2 ? `${date.slice(5)} ${clock}` : clock;
}

function describe(bucket: Bucket): string {
  const parts = STACK_ORDER.filter((level) => bucket.counts[level]).map(
    (level) => `${count(bucket.counts[level] ?? 0)} ${signOf(level).word}`,
  );
  return `${count(bucket.total)} lines${parts.length ? ` (${parts.join(', ')})` : ''}`;
}

function Legend({ layers, onLevel }: { layers: { level: Level; total: number }[]; onLevel(level: Level): void }) {
  return (
    <ul className="legend" aria-label="Levels">
      {layers.map(({ level, total }) => (
        <li key={level}>
          <button
            type="button"
            className="legend-item"
            onClick={() => onLevel(level)}
            title={`Only ${signOf(level).word}`}
          >
            <span className={`glyph level-${level}`} aria-hidden="true">
              {signOf(level).glyph}
            </span>
            <span>{signOf(level).word}</span>
            <span className="muted number">{shortCount(total)}</span>
          </button>
        </li>
      ))}
    </ul>
  );
}

function BucketTip({ bucket, title, left, width }: { bucket: Bucket; title: string; left: number; width: number }) {
  const side = left > width / 2 ? { right: width - left + 8 } : { left: left + 8 };
  return (
    <div className="tip" style={side} aria-hidden="true">
      <strong>{title}</strong>
      {STACK_ORDER.filter((level) => bucket.counts[level]).map((level) => (
        <span key={level} className="tip-row">
          <span>
            <span className={`glyph level-${level}`}>{signOf(level).glyph}</span> {signOf(level).word}
          </span>
          <span className="number">{count(bucket.counts[level] ?? 0)}</span>
        </span>
      ))}
      {bucket.total === 0 && <span className="muted">no lines</span>}
    </div>
  );
}
