import './views.css';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useEffect } from 'react';
import { compare } from '../api/client';
import type { CompareAnswer, Compared, ComparedPattern, ComparedValue } from '../api/types';
import { noteOutcome } from '../app/connection';
import { safeText } from '../text/safe';
import { displayInstant, nowNs, parseInstant, type Zone } from '../time/instant';
import { Choice } from '../ui/Choice';
import { count, plural } from '../ui/format';
import { BASELINES, type Baseline, baselineBounds, ratioText } from './baseline';
import { FailureNote } from './FailureNote';
import { shareText, ViewSkeleton } from './Patterns';
import type { Run } from './run';
import { Sparkline } from './Sparkline';
import { TemplateText } from './TemplateText';

interface Props {
  run: Run;
  zone: Zone;
  baseline: Baseline;
  onBaseline(baseline: Baseline): void;
  /** Look at the lines of this query. */
  onQuery(q: string): void;
}

/** What differs from a baseline: kinds of message that are new, gone or changed first, then values of fields as well. */
export default function Compare({ run, zone, baseline, onBaseline, onQuery }: Props) {
  const bounded = run.range.from !== null;
  const ask = (signal: AbortSignal, parts?: 'patterns') =>
    compare({ ...run.lineParams, ...baselineBounds(baseline, run.range, nowNs()), parts }, signal);
  const patterns = useQuery({
    queryKey: ['compare', run.serial, baseline, 'patterns'],
    queryFn: ({ signal }) => ask(signal, 'patterns'),
    placeholderData: keepPreviousData,
    enabled: bounded,
  });
  const all = useQuery({
    queryKey: ['compare', run.serial, baseline],
    queryFn: ({ signal }) => ask(signal),
    enabled: bounded && patterns.isSuccess && !patterns.isPlaceholderData,
  });
  const error = patterns.error ?? all.error;
  const data = all.data ?? patterns.data;
  useEffect(() => noteOutcome(error), [error]);
  if (!bounded) {
    return (
      <section className="view" aria-label="Compare">
        <p className="empty">All time has no “before”: choose a range, or drag one on the chart.</p>
      </section>
    );
  }
  return (
    <section className="view" aria-label="Compare" data-stale={patterns.isPlaceholderData}>
      <div className="compare-head">
        <Choice label="Compare with" value={baseline} onChange={onBaseline} options={BASELINES} />
        {data && <Volume answer={data} zone={zone} />}
      </div>
      {error && (
        <FailureNote
          error={error}
          q={run.lineParams.q ?? ''}
          onRetry={() => void (patterns.error ? patterns : all).refetch()}
        />
      )}
      {patterns.isPending && <ViewSkeleton label="Comparing" />}
      {data && <Differences answer={data} waiting={!all.data && !error} onQuery={onQuery} />}
    </section>
  );
}

function Volume({ answer, zone }: { answer: CompareAnswer; zone: Zone }) {
  const { volume } = answer.data;
  const from = displayInstant(parseInstant(answer.baseline_from) ?? 0n, zone, 0);
  const to = displayInstant(parseInstant(answer.baseline_to) ?? 0n, zone, 0);
  return (
    <p className="compare-volume" role="status">
      <strong>{plural(volume.count, 'line')}</strong>, {count(volume.baseline_count)} in the baseline
      {volume.p < 0.05 && ` (${ratioText(volume.effect)})`}
      <span className="muted number">
        {' '}
        {from} – {to}
      </span>
    </p>
  );
}

interface DifferencesProps {
  answer: CompareAnswer;
  /** The fields are still on their way. */
  waiting: boolean;
  onQuery(q: string): void;
}

function Differences({ answer, waiting, onQuery }: DifferencesProps) {
  const { patterns, fields } = answer.data;
  if (patterns.length === 0 && fields.length === 0 && !waiting) {
    return (
      <div className="empty">
        <h2>Nothing differs by more than its own noise</h2>
        <p className="muted">
          {plural(answer.templates, 'pattern')} and {plural(answer.fields, 'field')} were compared.
        </p>
      </div>
    );
  }
  return (
    <div className="compare-columns">
      <section aria-label="Patterns that differ">
        <h2>
          {plural(patterns.length, 'pattern')} of {count(answer.templates)} differ
        </h2>
        <ol className="pattern-list">
          {patterns.map((pattern) => (
            <PatternRow key={pattern.template_id} pattern={pattern} onQuery={onQuery} />
          ))}
        </ol>
      </section>
      {waiting && fields.length === 0 && (
        <section aria-label="Fields">
          <h2>Comparing fields…</h2>
          <ViewSkeleton label="Comparing fields" />
        </section>
      )}
      {fields.length > 0 && (
        <section aria-label="Fields that differ">
          <h2>
            {plural(fields.length, 'field')} of {count(answer.fields)} differ
          </h2>
          {fields.map(({ field, values }) => (
            <div key={field} className="compare-field">
              <h3>{safeText(field)}</h3>
              <ul>
                {values.slice(0, 6).map((value) => (
                  <ValueRow key={value.value ?? ''} value={value} onQuery={onQuery} />
                ))}
              </ul>
            </div>
          ))}
        </section>
      )}
    </div>
  );
}

const STATUS_WORDS = { new: 'new', gone: 'gone', changed: '' } as const;

function PatternRow({ pattern, onQuery }: { pattern: ComparedPattern; onQuery(q: string): void }) {
  return (
    <li className="pattern">
      <span className={`compare-status compare-${pattern.status}`} title={evidence(pattern)}>
        {STATUS_WORDS[pattern.status] || ratioText(pattern.effect)}
      </span>
      <div className="pattern-words">
        <button
          type="button"
          className="pattern-button"
          title={safeText(pattern.example)}
          onClick={() => onQuery(pattern.query)}
        >
          <TemplateText template={pattern.template || pattern.example} />
        </button>
        <p className="muted number">
          {count(pattern.count)}, before {count(pattern.baseline_count)}
        </p>
      </div>
      <Sparkline
        counts={pattern.counts}
        before={pattern.baseline_counts}
        label={`${count(pattern.count)} lines over time, ${count(pattern.baseline_count)} before`}
      />
    </li>
  );
}

function ValueRow({ value, onQuery }: { value: ComparedValue; onQuery(q: string): void }) {
  return (
    <li className="compare-value">
      <button type="button" className="link-button" title={evidence(value)} onClick={() => onQuery(value.query)}>
        {value.value === null ? 'without it' : safeText(value.value)}
      </button>
      <span
        className="compare-bars"
        role="img"
        aria-label={`${shareText(value.share)}, before ${shareText(value.baseline_share)}`}
      >
        <span className="compare-bar" style={{ width: `${value.share * 100}%` }} />
        <span className="compare-bar-before" style={{ width: `${value.baseline_share * 100}%` }} />
      </span>
      <span className="number muted">
        {shareText(value.share)}, before {shareText(value.baseline_share)}
      </span>
    </li>
  );
}

function evidence({ effect, effect_low, effect_high, p }: Compared): string {
  const chance = p < 1e-6 ? 'less than one in a million' : p.toPrecision(1);
  return `${ratioText(effect)} (95 %: ${ratioText(effect_low)} to ${ratioText(effect_high)}); by chance: ${chance}`;
}
