import type { Line } from '../api/types';
import { safeText } from '../text/safe';
import { CopyButton } from '../ui/CopyButton';
import { valueText } from '../ui/format';
import { Icon } from '../ui/Icon';
import type { FilterHow } from './Facets';

/** Told by the drawer's head or not fit for a filter. */
const LEFT_OUT = new Set(['message', 'timestamp']);
const FIRST = ['level', 'service', 'trace_id', 'span_id', 'template_id', 'user_id', 'request_id', 'duration_ms'];
/** Longer values are cut here; the JSON view has them whole. */
const LONGEST = 2_000;

export function FieldTable({
  line,
  onFilter,
}: {
  line: Line;
  onFilter(field: string, value: unknown, how: FilterHow): void;
}) {
  const names = Object.keys(line).filter((name) => !LEFT_OUT.has(name));
  const place = (name: string) => (FIRST.includes(name) ? FIRST.indexOf(name) : FIRST.length);
  names.sort((a, b) => place(a) - place(b) || a.localeCompare(b));
  return (
    <table className="field-table">
      <thead className="sr-only">
        <tr>
          <th scope="col">Field</th>
          <th scope="col">Value</th>
          <th scope="col">Actions</th>
        </tr>
      </thead>
      <tbody>
        {names.map((name) => {
          const value = line[name];
          const text = valueText(value);
          const filterable = typeof value !== 'object' && text.length < LONGEST;
          return (
            <tr key={name} data-field={name} data-value={JSON.stringify(value)}>
              <th scope="row">{safeText(name)}</th>
              <td>{safeText(text.slice(0, LONGEST))}</td>
              <td className="field-actions">
                {filterable && (
                  <>
                    <button
                      type="button"
                      className="icon-button small"
                      onClick={() => onFilter(name, value, 'for')}
                      aria-label={`Filter for ${name}`}
                      title="Filter for (+)"
                    >
                      <Icon name="plus" size={13} />
                    </button>
                    <button
                      type="button"
                      className="icon-button small"
                      onClick={() => onFilter(name, value, 'out')}
                      aria-label={`Filter out ${name}`}
                      title="Filter out (-)"
                    >
                      <Icon name="minus" size={13} />
                    </button>
                  </>
                )}
                <CopyButton text={text} label={`Copy ${name}`} />
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
