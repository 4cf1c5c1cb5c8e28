import './views.css';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { Suspense, useEffect, useState } from 'react';
import { patterns } from '../api/client';
import type { Pattern, PatternsAnswer } from '../api/types';
import { noteOutcome } from '../app/connection';
import { later } from '../app/later';
import { LEVELS, levelOf, STACK_ORDER, signOf } from '../levels';
import { narrowed } from '../query/edit';
import { safeText } from '../text/safe';
import { displayInstant, parseInstant, type Zone } from '../time/instant';
import { Choice } from '../ui/Choice';
import { count, plural } from '../ui/format';
import { FailureNote } from './FailureNote';
import { PATTERN_ORDERS, type PatternOrder, SHOWN_OF } from './patternOrder';
import type { Run } from './run';
import { Sparkline } from './Sparkline';
import { TemplateText } from './TemplateText';

const TemplatePanel = later(() => import('./TemplatePanel'));

const MOST = 100;
const STEPS = 60;

interface Props {
  run: Run;
  zone: Zone;
  order: PatternOrder;
  onOrder(order: PatternOrder): void;
  /** Look at the lines of this query. */
  onQuery(q: string): void;
  /** Stay, with this query. */
  onHide(q: string): void;
}

/** The templates behind the lines in the order that is chosen; counted over the whole result. */
export default function Patterns({ run, zone, order, onOrder, onQuery, onHide }: Props) {
  const asked = useQuery({
    queryKey: ['patterns', run.serial, order],
    queryFn: ({ signal }) => patterns({ ...run.lineParams, limit: MOST, buckets: STEPS, order }, signal),
    placeholderData: keepPreviousData,
  });
  const { error, data } = asked;
  useEffect(() => noteOutcome(error), [error]);
  const most = Math.max(1, ...(data?.data ?? []).map((pattern) => pattern.count));
  return (
    <section className="view" aria-label="Patterns" data-stale={asked.isPlaceholderData}>
      <div className="patterns-head">
        {data && (
          <p className="view-summary muted" role="status">
            {summary(data, order)}
          </p>
        )}
        <Choice label="Which come first" value={order} onChange={onOrder} options={PATTERN_ORDERS} />
      </div>
      {error && <FailureNote error={error} q={run.lineParams.q ?? ''} onRetry={() => void asked.refetch()} />}
      {asked.isPending && <ViewSkeleton label="Counting patterns" />}
      {data && (
        <ol className="pattern-list">
          {data.data.map((pattern) => (
            <PatternRow
              key={pattern.template_id}
              pattern={pattern}
              most={most}
              run={run}
              zone={zone}
              onValue={(clause) => onQuery(`${narrowed(run.q, `template_id:${pattern.template_id}`)} ${clause}`)}
              onOnly={() => onQuery(narrowed(run.q, `template_id:${pattern.template_id}`))}
              onHide={() => onHide(narrowed(run.q, `not template_id:${pattern.template_id}`))}
            />
          ))}
        </ol>
      )}
    </section>
  );
}

function summary({ templates, total, data }: PatternsAnswer, order: PatternOrder): string {
  const all = `${plural(templates, 'pattern')} in ${plural(total, 'line')}`;
  return templates > data.length ? `${all}; ${SHOWN_OF[order](count(data.length))}` : all;
}

interface RowProps {
  pattern: Pattern;
  most: number;
  run: Run;
  zone: Zone;
  onValue(clause: string): void;
  onOnly(): void;
  onHide(): void;
}

function PatternRow({ pattern, most, run, zone, onValue, onOnly, onHide }: RowProps) {
  const [open, setOpen] = useState(false);
  const words = pattern.template || pattern.example;
  return (
    <li className="pattern">
      <div className="pattern-count number">
        <strong>{count(pattern.count)}</strong>
        <span className="muted">{shareText(pattern.share)}</span>
        <LevelMix levels={pattern.levels} width={pattern.count / most} />
      </div>
      <div className="pattern-words">
        <button type="button" className="pattern-button" title={safeText(pattern.example)} onClick={onOnly}>
          <TemplateText template={words} />
        </button>
        {(pattern.name || pattern.owner) && (
          <p>
            {pattern.name && <span className="pattern-name">{safeText(pattern.name)}</span>}
            {pattern.owner && <span className="muted"> owned by {safeText(pattern.owner)}</span>}
          </p>
        )}
        <p className="muted number">
          {displayInstant(parseInstant(pattern.first) ?? 0n, zone, 0)} –{' '}
          {displayInstant(parseInstant(pattern.last) ?? 0n, zone, 0)}
        </p>
      </div>
      <Sparkline counts={pattern.counts} label={`${count(pattern.count)} lines over time`} />
      <div className="pattern-actions">
        <button
          type="button"
          className="button quiet"
          aria-expanded={open}
          aria-label={`Details: ${safeText(words)}`}
          onClick={() => setOpen(!open)}
        >
          Details
        </button>
        <button type="button" className="button quiet" onClick={onHide} aria-label={`Hide: ${safeText(words)}`}>
          Hide
        </button>
      </div>
      {open && (
        <div className="pattern-detail">
          <Suspense fallback={<p className="template-panel muted">Loading…</p>}>
            <TemplatePanel id={pattern.template_id} run={run} zone={zone} onValue={onValue} />
          </Suspense>
        </div>
      )}
    </li>
  );
}

export function shareText(share: number): string {
  if (share >= 0.995) return '100 %';
  if (share < 0.0005) return '< 0.1 %';
  return `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;
}

/** A bar as long as the count, cut by level. */
function LevelMix({ levels, width }: { levels: Pattern['levels']; width: number }) {
  const total = LEVELS.reduce((sum, level) => sum + (levels[level] ?? 0), 0) || 1;
  const parts = STACK_ORDER.filter((level) => levels[level]);
  const said = parts.map((level) => `${signOf(level).word} ${count(levels[level] ?? 0)}`).join(', ');
  return (
    <span
      className="level-mix"
      style={{ width: `${Math.max(2, width * 100)}%` }}
      title={said}
      role="img"
      aria-label={said}
    >
      {parts.map((level) => (
        <span
          key={level}
          className={`bar-bg-${levelOf(level)}`}
          style={{ flexGrow: ((levels[level] ?? 0) / total) * 1000 }}
        />
      ))}
    </span>
  );
}

export function ViewSkeleton({ label }: { label: string }) {
  return (
    <div className="view-skeleton" role="status" aria-label={label}>
      {[70, 45, 80, 55, 60].map((width) => (
        <span key={width} className="skeleton" style={{ width: `${width}%` }} />
      ))}
    </div>
  );
}
