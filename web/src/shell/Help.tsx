import { useState } from 'react';
import { useCommands } from '../app/commands';
import { type Binding, bindingOf, COMMANDS } from '../keymap/bindings';
import { Dialog } from '../ui/Dialog';
import { Kbd } from '../ui/Kbd';
import { QUERY_EXAMPLES } from './queryExamples';

const GROUPS: Binding['group'][] = ['Lines', 'Query and time', 'Findings', 'Incidents', 'Everywhere'];

/** Keys and the query language at a glance; the same place on every page. */
export function Help() {
  const [open, setOpen] = useState(false);
  useCommands({ help: () => setOpen(true) });
  return (
    <Dialog open={open} onClose={() => setOpen(false)} title="Help" className="help">
      <div className="help-body" tabIndex={0} role="region" aria-label="Keys and examples">
        {GROUPS.map((group) => (
          <section key={group}>
            <h3>{group}</h3>
            <dl className="keys">
              {COMMANDS.filter((command) => bindingOf(command).group === group).map((command) => {
                const { keys, label } = bindingOf(command);
                const shown = keys.length > 2 ? [keys[0] as string, keys.at(-1) as string] : keys;
                return (
                  <div key={command}>
                    <dt>{label}</dt>
                    <dd>
                      {shown.map((key, i) => (
                        <span key={key}>
                          {i > 0 && <span className="muted"> {keys.length > 2 ? '…' : 'or'} </span>}
                          <Kbd keys={key} />
                        </span>
                      ))}
                    </dd>
                  </div>
                );
              })}
            </dl>
          </section>
        ))}
        <section>
          <h3>Asking</h3>
          <dl className="keys examples">
            {QUERY_EXAMPLES.map(({ query, means }) => (
              <div key={query}>
                <dt>
                  <code>{query}</code>
                </dt>
                <dd className="muted">{means}</dd>
              </div>
            ))}
          </dl>
        </section>
      </div>
    </Dialog>
  );
}
