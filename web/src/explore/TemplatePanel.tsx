import './template.css';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useEffect, useState } from 'react';
import { labelTemplate, template } from '../api/client';
import { ApiError } from '../api/errors';
import type { TemplateDetail, TemplateParameter } from '../api/types';
import { noteOutcome } from '../app/connection';
import { LEVELS, levelOf, signOf } from '../levels';
import { quoted } from '../query/edit';
import { safeText } from '../text/safe';
import { displayInstant, parseInstant, type Zone } from '../time/instant';
import { count, plural } from '../ui/format';
import { FailureNote } from './FailureNote';
import { shareText } from './Patterns';
import type { Run } from './run';

interface Props {
  id: number;
  run: Run;
  zone: Zone;
  /** Look at the template's lines that have this value too. */
  onValue(clause: string): void;
}

const VALUES = 5;

/** What is behind one template: who has it, since when, and what fills each of its parameters. */
export default function TemplatePanel({ id, run, zone, onValue }: Props) {
  const asked = useQuery({
    queryKey: ['template', id, run.serial],
    queryFn: ({ signal }) => template(id, { ...run.lineParams, values: VALUES }, signal),
  });
  const { error, data } = asked;
  useEffect(() => noteOutcome(error), [error]);
  if (error) return <FailureNote error={error} q={run.lineParams.q ?? ''} onRetry={() => void asked.refetch()} />;
  if (!data)
    return (
      <p className="template-panel muted" role="status">
        Reading its lines…
      </p>
    );
  const found = data.data;
  return (
    <div className="template-panel">
      <Facts detail={found} zone={zone} />
      <LabelForm key={`${found.name}\0${found.owner}`} detail={found} />
      {found.parameters.length > 0 ? (
        <ol className="template-parameters" aria-label="Parameters">
          {found.parameters.map((parameter) => (
            <ParameterRow key={parameter.place} parameter={parameter} onValue={onValue} />
          ))}
        </ol>
      ) : (
        <p className="muted">Nothing varies in this message.</p>
      )}
      <p className="muted template-note">{sampleNote(found)}</p>
    </div>
  );
}

function Facts({ detail, zone }: { detail: TemplateDetail; zone: Zone }) {
  const { lifetime, members } = detail;
  const levels = LEVELS.filter((level) => detail.levels[level]);
  return (
    <dl className="template-facts">
      <div>
        <dt>Levels</dt>
        <dd>
          {levels.map((level) => (
            <span key={level} className={`badge level-${levelOf(level)}`}>
              {signOf(level).word} <span className="number">{count(detail.levels[level] ?? 0)}</span>
            </span>
          ))}
        </dd>
      </div>
      <div>
        <dt>Services</dt>
        <dd>
          {detail.services.map(({ value, count: lines }) => (
            <span key={value} className="template-service">
              {safeText(value)} <span className="muted number">{count(lines)}</span>
            </span>
          ))}
          {detail.services.length === 0 && <span className="muted">none named</span>}
        </dd>
      </div>
      <div>
        <dt>Known since</dt>
        <dd className="number">
          {displayInstant(parseInstant(lifetime.first) ?? 0n, zone, 0)}{' '}
          <span className="muted">({plural(lifetime.count, 'line')} in all)</span>
        </dd>
      </div>
      {members.length > 1 && (
        <div>
          <dt>Merged</dt>
          <dd>{plural(members.length, 'message')} that turned out to be one</dd>
        </div>
      )}
    </dl>
  );
}

/** Name and owner, to be changed by whoever looks. */
function LabelForm({ detail }: { detail: TemplateDetail }) {
  const [name, setName] = useState(detail.name ?? '');
  const [owner, setOwner] = useState(detail.owner ?? '');
  const client = useQueryClient();
  const saving = useMutation({
    mutationFn: () => labelTemplate(detail.template_id, { name, owner }),
    networkMode: 'always',
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ['template', detail.template_id] });
      await client.invalidateQueries({ queryKey: ['patterns'] });
    },
    onError: (error) => noteOutcome(error),
  });
  const changed = name !== (detail.name ?? '') || owner !== (detail.owner ?? '');
  const problem = saving.error ? problemText(saving.error) : '';
  const save = (event: FormEvent) => {
    event.preventDefault();
    if (changed && !saving.isPending) saving.mutate();
  };
  return (
    <form className="template-label" onSubmit={save}>
      <label className="field">
        <span>Name</span>
        <input
          value={name}
          maxLength={200}
          placeholder="What people call it"
          onChange={(e) => setName(e.target.value)}
        />
      </label>
      <label className="field">
        <span>Owner</span>
        <input value={owner} maxLength={200} placeholder="Team or person" onChange={(e) => setOwner(e.target.value)} />
      </label>
      <button type="submit" className="button" disabled={!changed || saving.isPending}>
        Save
      </button>
      {problem && (
        <span role="alert" className="problem">
          {problem}
        </span>
      )}
    </form>
  );
}

function problemText(error: Error): string {
  return error instanceof ApiError ? error.message : 'The node does not answer; nothing was changed. Try again.';
}

function ParameterRow({ parameter, onValue }: { parameter: TemplateParameter; onValue(clause: string): void }) {
  const { place, type, unit, distinct, values, numbers } = parameter;
  const exact = distinct.low === distinct.high;
  // Where every line has a value of its own, one shows what they look like.
  const shown = values[0]?.count === 1 ? values.slice(0, 1) : values;
  return (
    <li className="template-parameter">
      <div className="template-kind">
        <span className="template-part number">{place}</span> <strong>{type}</strong>
        <p className="muted number" title={exact ? undefined : `${count(distinct.low)} to ${count(distinct.high)}`}>
          {exact ? '' : 'about '}
          {plural(distinct.estimate, 'value')}
        </p>
      </div>
      <ul className="template-values">
        {shown.map(({ value, share }) => (
          <li key={value}>
            <button
              type="button"
              className="template-value"
              disabled={value.trim() === ''}
              title={`Lines with ${safeText(value)}`}
              onClick={() => onValue(quoted(value))}
            >
              {value === '' ? '(nothing)' : safeText(value)}
            </button>
            <span className="template-share" aria-hidden="true">
              <span style={{ width: `${Math.max(2, share * 100)}%` }} />
            </span>
            <span className="muted number">{shareText(share)}</span>
          </li>
        ))}
      </ul>
      {numbers && (
        <dl className="template-numbers number">
          {(['min', 'p50', 'p95', 'p99', 'max'] as const).map((name) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{amountText(numbers[name], unit)}</dd>
            </div>
          ))}
        </dl>
      )}
    </li>
  );
}

const BYTES = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** A number with its unit (UCUM), bytes and seconds in the multiple that reads best. */
export function amountText(value: number, unit: string): string {
  const size = Math.abs(value);
  if (unit === 'By') {
    const power = size < 1 ? 0 : Math.min(Math.floor(Math.log2(size) / 10), BYTES.length - 1);
    return `${numberText(value / 1024 ** power)} ${BYTES[power]}`;
  }
  if (unit === 's' && size > 0 && size < 1)
    return size < 1e-3 ? `${numberText(value * 1e6)} µs` : `${numberText(value * 1e3)} ms`;
  return unit ? `${numberText(value)} ${unit}` : numberText(value);
}

/** Four digits are what a reader compares. */
export function numberText(value: number): string {
  if (Number.isSafeInteger(value)) return count(value);
  return Number(value.toPrecision(4)).toLocaleString('en', { maximumSignificantDigits: 4 });
}

export function sampleNote({ count: lines, sample }: Pick<TemplateDetail, 'count' | 'sample'>): string {
  const odd = sample.unmatched > 0 ? `; ${plural(sample.unmatched, 'line')} of another shape left out` : '';
  if (sample.complete) return `From all ${plural(lines, 'line')} of the result${odd}.`;
  const error = (sample.error * 100).toFixed(1);
  return `From ${count(sample.records)} of ${plural(lines, 'line')}, chosen by chance: shares and ranks within ${error} %${odd}.`;
}
