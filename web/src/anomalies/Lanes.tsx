import { type PointerEvent, useMemo, useRef, useState } from 'react';
import type { Finding } from '../api/types';
import { tickLabel, timeTicks, wholeTicks } from '../explore/histogramShape';
import { displayInstant, parseInstant, type Zone } from '../time/instant';
import { plural } from '../ui/format';
import { PHONE, useMedia } from '../ui/media';
import { useSize } from '../ui/size';
import { KindShape } from './KindShape';
import { kindSign } from './kinds';
import { lanesOf, type Mark, marksOf, PHONE_LANES, type Span, USUAL_LANES } from './laneLayout';

interface Props {
  findings: readonly Finding[];
  /** Services that logged, with or without findings. */
  watched: readonly string[];
  span: Span;
  /** Records after this time are not judged yet; null when judging follows. */
  judgedMs: number | null;
  zone: Zone;
  selected: string;
  onSelect(id: string): void;
  onService(service: string): void;
  onZoom(span: Span): void;
}

/** A shorter stroke is a press. */
const BRUSH_PX = 6;
/** Room that the words over the part that waits take; where it is narrower the hatching says it. */
const WAITING_PX = 96;

/** A lane for each service, a mark for each finding. Drag selects a range of time; its twin is the time picker. */
export function Lanes({ findings, watched, span, judgedMs, zone, selected, onSelect, onService, onZoom }: Props) {
  const { ref, width } = useSize<HTMLDivElement>();
  const phone = useMedia(PHONE);
  const [all, setAll] = useState(false);
  const [brush, setBrush] = useState<[number, number] | null>(null);
  const start = useRef<number | null>(null);
  const { lanes, more } = useMemo(
    () => lanesOf(findings, watched, all ? Number.POSITIVE_INFINITY : phone ? PHONE_LANES : USUAL_LANES),
    [findings, watched, all, phone],
  );
  const xAt = (ms: number) => ((ms - span.fromMs) / (span.toMs - span.fromMs)) * width;
  const msAt = (x: number) => span.fromMs + (x / Math.max(1, width)) * (span.toMs - span.fromMs);
  const xOf = (event: PointerEvent) => {
    const box = event.currentTarget.getBoundingClientRect();
    return Math.min(width, Math.max(0, event.clientX - box.left));
  };
  const stop = () => {
    start.current = null;
    setBrush(null);
  };
  const offsetMs = zone === 'utc' ? 0 : -new Date(span.toMs).getTimezoneOffset() * 60_000;
  const ticks = timeTicks(span.fromMs, span.toMs, width, offsetMs);
  return (
    <section className="lanes" aria-label="Findings over time, by service">
      <ul className="lane-names">
        {lanes.map((lane) => (
          <li key={lane.service}>
            <button type="button" onClick={() => onService(lane.service)} title={`Only ${lane.service}`}>
              {lane.service}
              <span className="sr-only">: {plural(lane.findings.length, 'finding')}</span>
            </button>
          </li>
        ))}
      </ul>
      <div
        className="lane-plot"
        ref={ref}
        onPointerDown={(event) => {
          if (event.button !== 0 || (event.target as Element).closest('button')) return;
          event.currentTarget.setPointerCapture(event.pointerId);
          start.current = xOf(event);
        }}
        onPointerMove={(event) => {
          if (start.current !== null) setBrush([start.current, xOf(event)]);
        }}
        onPointerUp={(event) => {
          const from = start.current;
          const to = xOf(event);
          stop();
          if (from === null || Math.abs(to - from) < BRUSH_PX) return;
          onZoom({ fromMs: msAt(Math.min(from, to)), toMs: msAt(Math.max(from, to)) });
        }}
        onPointerCancel={stop}
      >
        {ticks.map((ms) => (
          <span key={ms} className="lane-tick" style={{ left: xAt(ms) }} aria-hidden="true" />
        ))}
        {judgedMs !== null && judgedMs < span.toMs && (
          <span className="lane-waiting" style={{ left: Math.max(0, xAt(judgedMs)) }} aria-hidden="true">
            {xAt(judgedMs) < width - WAITING_PX && <span>not judged yet</span>}
          </span>
        )}
        {lanes.map((lane) => (
          <div key={lane.service} className="lane" data-quiet={lane.findings.length === 0}>
            {marksOf(lane.findings, span, width, phone ? 44 : 24).map((mark) => (
              <LaneMark
                key={mark.findings.at(-1)?.id}
                mark={mark}
                zone={zone}
                selected={mark.findings.some(({ id }) => id === selected)}
                onSelect={onSelect}
              />
            ))}
          </div>
        ))}
        <div className="lane-axis" aria-hidden="true">
          {wholeTicks(ticks, span.fromMs, span.toMs, width).map((ms) => (
            <span key={ms} style={{ left: xAt(ms) }}>
              {tickLabel(ms, zone, span.toMs - span.fromMs)}
            </span>
          ))}
        </div>
        {brush && (
          <div
            className="lane-brush"
            style={{ left: Math.min(...brush), width: Math.abs(brush[1] - brush[0]) }}
            aria-hidden="true"
          />
        )}
      </div>
      {(more > 0 || all) && (
        <button type="button" className="link-button lane-more" onClick={() => setAll(!all)}>
          {all ? 'Fewer services' : `${plural(more, 'more service')} without findings`}
        </button>
      )}
    </section>
  );
}

interface MarkProps {
  mark: Mark;
  zone: Zone;
  selected: boolean;
  onSelect(id: string): void;
}

function LaneMark({ mark, zone, selected, onSelect }: MarkProps) {
  const { shown, findings } = mark;
  const time = displayInstant(parseInstant(shown.detected) ?? 0n, zone, 0);
  const others = findings.length > 1 ? `, the worst of ${findings.length} findings` : '';
  const label = `${shown.service}, ${kindSign(shown.kind).word}, ${shown.state}, ${time}${others}`;
  return (
    <button
      type="button"
      className="lane-mark"
      style={{ left: mark.x }}
      aria-label={label}
      aria-pressed={selected}
      title={label}
      onClick={() => onSelect(shown.id)}
    >
      <KindShape kind={shown.kind} state={shown.state} />
      {findings.length > 1 && <span className="lane-count number">{findings.length}</span>}
    </button>
  );
}
