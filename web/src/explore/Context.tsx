import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { isLine, type Line } from '../api/types';
import { levelOf } from '../levels';
import { filterClause } from '../query/edit';
import type { Zone } from '../time/instant';
import { Choice } from '../ui/Choice';
import { loadContext } from './contextLines';
import { LogLine } from './LogLine';

interface Props {
  line: Line;
  zone: Zone;
  onQuery(q: string): void;
}

/** What the same service, or the same trace, said just before and after. */
export function Context({ line, zone, onQuery }: Props) {
  const by = [
    ...(line.trace_id ? ([['trace_id', 'Trace']] as const) : []),
    ...(line.service ? ([['service', 'Service']] as const) : []),
    ['', 'Everything'] as const,
  ];
  const [field, setField] = useState<string>(by[0]?.[0] ?? '');
  const q = field ? filterClause(field, line[field]) : '';
  const around = useQuery({
    queryKey: ['context', line.id, q],
    queryFn: ({ signal }) => loadContext(q, line, signal),
    staleTime: 60_000,
  });
  return (
    <div className="context">
      <Choice label="Lines of the same" value={field} onChange={setField} options={by} />
      {around.isPending && <p className="muted">Looking around…</p>}
      {around.isError && <p className="problem">{around.error.message}</p>}
      {around.data && (
        <ol className="context-lines">
          {around.data.filter(isLine).map((row) => (
            <li
              key={row.id}
              className={`context-line row-${levelOf(row.level)}`}
              aria-current={row.id === line.id ? 'true' : undefined}
            >
              <LogLine line={row} zone={zone} withDate={false} plain />
            </li>
          ))}
        </ol>
      )}
      {q && (
        <button type="button" className="link-button" onClick={() => onQuery(q)}>
          Open all of them in Explore
        </button>
      )}
    </div>
  );
}
