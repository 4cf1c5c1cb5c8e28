import { Fragment, useState } from 'react';
import { exactText } from '../api/exactJson';
import type { Line } from '../api/types';
import { safeText } from '../text/safe';
import { CopyButton } from '../ui/CopyButton';
import { count, plural, valueText } from '../ui/format';
import { Icon } from '../ui/Icon';
import type { FilterHow } from './Facets';

/** Told by the drawer's head, or not fit for a filter. */
const LEFT_OUT = new Set(['message', 'timestamp']);
const FIRST = ['level', 'service', 'trace_id', 'span_id', 'template_id', 'user_id', 'request_id', 'duration_ms'];
/** Longer values are cut here; the JSON view has them whole. */
const LONGEST = 4_000;
/** Longer values, and those of several lines, get the whole width below their name. */
const INLINE = 64;

/** From so many fields on one is looked for, not found by the eye. */
const MANY = 20;

interface Props {
  line: Line;
  onFilter(field: string, value: unknown, how: FilterHow): void;
}

/** Every field of a line with filter and copy; where they are many, those whose name or value holds some text. */
export function FieldTable({ line, onFilter }: Props) {
  const [sought, setSought] = useState('');
  const all = fieldNames(line);
  const many = all.length >= MANY;
  const names = many ? all.filter((name) => holds(name, line[name], sought)) : all;
  return (
    <>
      {many && (
        <p className="field-search">
          <input
            type="search"
            value={sought}
            placeholder={`Find among ${count(all.length)} fields`}
            aria-label="Find a field"
            onChange={(event) => setSought(event.target.value)}
          />
          {sought !== '' && (
            <span className="muted" role="status">
              {plural(names.length, 'field')}
            </span>
          )}
        </p>
      )}
      <table className="field-table">
        <colgroup>
          <col className="field-col-name" />
          <col />
          <col className="field-col-actions" />
        </colgroup>
        <tbody>
          {names.map((name) => {
            const text = valueText(line[name]);
            const shown = safeText(text.slice(0, LONGEST));
            const data = { 'data-field': name, 'data-value': exactText(line[name]) };
            const actions = <Actions name={name} value={line[name]} text={text} onFilter={onFilter} />;
            if (text.length <= INLINE && !text.includes('\n')) {
              return (
                <tr key={name} {...data}>
                  <th scope="row">{safeText(name)}</th>
                  <td>{shown}</td>
                  <td className="field-actions">{actions}</td>
                </tr>
              );
            }
            return (
              <Fragment key={name}>
                <tr className="field-long" {...data}>
                  <th scope="row" colSpan={2}>
                    {safeText(name)}
                  </th>
                  <td className="field-actions">{actions}</td>
                </tr>
                <tr>
                  <td className="field-block" colSpan={3}>
                    {shown}
                  </td>
                </tr>
              </Fragment>
            );
          })}
        </tbody>
      </table>
    </>
  );
}

function holds(name: string, value: unknown, sought: string): boolean {
  const wanted = sought.trim().toLowerCase();
  return name.toLowerCase().includes(wanted) || valueText(value).toLowerCase().includes(wanted);
}

/** Those people look for first come first, the others by name. */
export function fieldNames(line: Line): string[] {
  const place = (name: string) => (FIRST.includes(name) ? FIRST.indexOf(name) : FIRST.length);
  return Object.keys(line)
    .filter((name) => !LEFT_OUT.has(name))
    .sort((a, b) => place(a) - place(b) || a.localeCompare(b));
}

function Actions({
  name,
  value,
  text,
  onFilter,
}: {
  name: string;
  value: unknown;
  text: string;
  onFilter: Props['onFilter'];
}) {
  const filterable = typeof value !== 'object' && text.length < LONGEST;
  return (
    <>
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
    </>
  );
}
