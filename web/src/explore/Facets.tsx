import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { facets, fields } from '../api/client';
import { exactText } from '../api/exactJson';
import type { Facet } from '../api/types';
import { isLevel, signOf } from '../levels';
import { safeText } from '../text/safe';
import { count, valueText } from '../ui/format';
import { Icon } from '../ui/Icon';
import type { Run } from './run';

export type FilterHow = 'for' | 'out' | 'only';

interface Props {
  run: Run;
  active: boolean;
  onFilter(field: string, value: unknown, how: FilterHow): void;
  onClose(): void;
}

/** The most common values of each field, counted over the whole result; a press filters. */
export function Facets({ run, active, onFilter, onClose }: Props) {
  const [extra, setExtra] = useState<string[]>([]);
  const usual = useQuery({
    queryKey: ['facets', run.lineParams],
    queryFn: ({ signal }) => facets(run.lineParams, signal),
    enabled: active,
    placeholderData: (old) => old,
  });
  const added = useQuery({
    queryKey: ['facets', run.lineParams, extra],
    queryFn: ({ signal }) => facets({ ...run.lineParams, fields: extra.join(',') }, signal),
    enabled: active && extra.length > 0,
    placeholderData: (old) => old,
  });
  const shown = [...(usual.data?.data ?? []), ...(extra.length > 0 ? (added.data?.data ?? []) : [])];
  const seen = new Set<string>();
  const unique = shown.filter((facet) => !seen.has(facet.field) && seen.add(facet.field) && facet.values.length > 0);
  return (
    <aside className="facets" aria-label="Fields and their values">
      <header className="facets-head">
        <h2>Fields</h2>
        <button type="button" className="icon-button" onClick={onClose} aria-label="Hide the fields">
          <Icon name="close" />
        </button>
      </header>
      <section className="facets-list" tabIndex={0} aria-label="Values" data-stale={usual.isPlaceholderData}>
        {usual.isPending && active && <p className="muted facets-note">Counting…</p>}
        {usual.isError && <p className="muted facets-note">The counts did not come: {usual.error.message}</p>}
        {unique.map((facet) => (
          <FacetBlock key={facet.field} facet={facet} onFilter={onFilter} />
        ))}
        <MoreFields
          run={run}
          active={active}
          known={unique.map((facet) => facet.field)}
          onAdd={(field) => setExtra([...extra, field])}
        />
      </section>
    </aside>
  );
}

function FacetBlock({ facet, onFilter }: { facet: Facet; onFilter: Props['onFilter'] }) {
  const [open, setOpen] = useState(true);
  const most = Math.max(1, ...facet.values.map((entry) => entry.count));
  return (
    <div className="facet">
      <h3>
        <button type="button" className="facet-name" aria-expanded={open} onClick={() => setOpen(!open)}>
          <Icon name={open ? 'down' : 'right'} size={12} />
          <span className="facet-field">{safeText(facet.field)}</span>
          <span
            className="muted number"
            title={`${count(facet.distinct)} different values, in ${percent(facet.coverage)} of the lines`}
          >
            {count(facet.distinct)}
            {facet.coverage < 0.995 && <span className="facet-coverage"> · {percent(facet.coverage)}</span>}
          </span>
        </button>
      </h3>
      {open && (
        <ul>
          {facet.values.map((entry) => (
            <FacetValue
              key={valueText(entry.value)}
              field={facet.field}
              value={entry.value}
              count={entry.count}
              share={entry.count / most}
              onFilter={onFilter}
            />
          ))}
        </ul>
      )}
    </div>
  );
}

interface ValueProps {
  field: string;
  value: unknown;
  count: number;
  share: number;
  onFilter: Props['onFilter'];
}

function FacetValue({ field, value, count: hits, share, onFilter }: ValueProps) {
  const text = safeText(valueText(value)) || '(empty)';
  const level = field === 'level' && isLevel(value) ? value : null;
  return (
    <li className="facet-value" data-field={field} data-value={exactText(value)}>
      <span
        className={`facet-bar${level ? ` bar-bg-${level}` : ''}`}
        style={{ width: `${Math.max(1.5, share * 100)}%` }}
      />
      <button
        type="button"
        className="facet-pick"
        onClick={() => onFilter(field, value, 'for')}
        title={`${field}: ${text}\nFilter for this value`}
      >
        {level && (
          <span className={`glyph level-${level}`} aria-hidden="true">
            {signOf(level).glyph}
          </span>
        )}
        <span className="facet-text">{text}</span>
        <span className="number muted">{count(hits)}</span>
      </button>
      <span className="facet-actions">
        <button
          type="button"
          className="icon-button small"
          onClick={() => onFilter(field, value, 'only')}
          aria-label={`Only ${field} ${text}`}
          title="Only this"
        >
          <Icon name="only" size={13} />
        </button>
        <button
          type="button"
          className="icon-button small"
          onClick={() => onFilter(field, value, 'out')}
          aria-label={`Filter out ${field} ${text}`}
          title="Filter out"
        >
          <Icon name="minus" size={13} />
        </button>
      </span>
    </li>
  );
}

function MoreFields({
  run,
  active,
  known,
  onAdd,
}: {
  run: Run;
  active: boolean;
  known: string[];
  onAdd(field: string): void;
}) {
  const [wanted, setWanted] = useState(false);
  const all = useQuery({
    queryKey: ['fields', run.lineParams],
    queryFn: ({ signal }) => fields(run.lineParams, signal),
    enabled: wanted && active,
  });
  const others = (all.data?.data ?? []).filter((field) => !known.includes(field.name) && !NOT_COUNTED.has(field.name));
  if (!wanted) {
    return (
      <button type="button" className="link-button facets-note" onClick={() => setWanted(true)}>
        More fields
      </button>
    );
  }
  return (
    <div className="facets-more">
      <h3>More fields</h3>
      {all.isPending && <p className="muted">Looking…</p>}
      {all.isSuccess && others.length === 0 && <p className="muted">There are no others here.</p>}
      <ul>
        {others.map((field) => (
          <li key={field.name}>
            <button type="button" className="facet-pick" onClick={() => onAdd(field.name)}>
              <span className="facet-text">{safeText(field.name)}</span>
              <span className="muted">{field.type}</span>
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}

/** Nearly a value per line: their most common values say nothing. */
const NOT_COUNTED = new Set(['id', 'timestamp', 'observed_timestamp', 'message']);

function percent(part: number): string {
  return part > 0 && part < 0.01 ? '< 1 %' : `${Math.round(part * 100)} %`;
}
