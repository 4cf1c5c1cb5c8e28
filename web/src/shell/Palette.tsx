import { useEffect, useMemo, useRef, useState } from 'react';
import { useLocation } from 'wouter';
import { isAvailable, runCommand, useCommands } from '../app/commands';
import { bindingOf, COMMANDS } from '../keymap/bindings';
import { useSettings } from '../settings/store';
import { Dialog } from '../ui/Dialog';
import { Kbd } from '../ui/Kbd';
import { DEFAULT_STATE, exploreHref } from '../url';
import { rankByMatch } from './matchWords';

interface Entry {
  id: string;
  label: string;
  keys?: string;
  run(): void;
}

/** Ctrl K: everything the page can do, and the queries asked before, found by typing. */
export function Palette() {
  const [open, setOpen] = useState(false);
  useCommands({ palette: () => setOpen(true) });
  return (
    <Dialog open={open} onClose={() => setOpen(false)} title="Commands" className="palette">
      <PaletteBody onDone={() => setOpen(false)} />
    </Dialog>
  );
}

function PaletteBody({ onDone }: { onDone(): void }) {
  const [typed, setTyped] = useState('');
  const [active, setActive] = useState(0);
  const list = useRef<HTMLDivElement>(null);
  const entries = useEntries();
  const found = useMemo(() => rankByMatch(entries, typed, (entry) => entry.label).slice(0, 60), [entries, typed]);

  useEffect(() => {
    list.current?.children[active]?.scrollIntoView({ block: 'nearest' });
  }, [active]);

  const choose = (entry: Entry | undefined) => {
    if (!entry) return;
    onDone();
    setTimeout(entry.run, 0);
  };

  return (
    <>
      <input
        data-autofocus
        className="palette-input"
        role="combobox"
        aria-expanded="true"
        aria-controls="palette-list"
        aria-activedescendant={found[active] ? `palette-${active}` : undefined}
        aria-label="Find a command"
        placeholder="Type a command or an earlier query"
        value={typed}
        onChange={(event) => {
          setTyped(event.target.value);
          setActive(0);
        }}
        onKeyDown={(event) => {
          const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
          if (step !== 0 && found.length > 0) {
            event.preventDefault();
            setActive((active + step + found.length) % found.length);
          } else if (event.key === 'Enter') {
            event.preventDefault();
            choose(found[active]);
          }
        }}
      />
      <div className="palette-list" id="palette-list" role="listbox" aria-label="Commands" ref={list}>
        {found.map((entry, i) => (
          <div
            key={entry.id}
            id={`palette-${i}`}
            role="option"
            aria-selected={i === active}
            className="palette-entry"
            onPointerMove={() => i !== active && setActive(i)}
            onClick={() => choose(entry)}
          >
            <span>{entry.label}</span>
            {entry.keys && <Kbd keys={entry.keys} />}
          </div>
        ))}
        {found.length === 0 && <p className="muted palette-none">Nothing has this name</p>}
      </div>
    </>
  );
}

function useEntries(): Entry[] {
  const [, navigate] = useLocation();
  const history = useSettings((state) => state.history);
  const set = useSettings((state) => state.set);
  return useMemo(() => {
    const commands = COMMANDS.filter((c) => c !== 'palette' && c !== 'preset' && c !== 'close' && isAvailable(c));
    return [
      ...commands.map((command) => ({
        id: command,
        label: bindingOf(command).label,
        keys: bindingOf(command).keys[0],
        run: () => void runCommand(command),
      })),
      { id: 'dark', label: 'Theme: dark', run: () => set({ theme: 'dark' }) },
      { id: 'light', label: 'Theme: light', run: () => set({ theme: 'light' }) },
      { id: 'auto', label: 'Theme: as the system', run: () => set({ theme: 'auto' }) },
      ...history.map((query) => ({
        id: `query ${query}`,
        label: `Ask again: ${query}`,
        run: () => navigate(exploreHref({ ...DEFAULT_STATE, q: query })),
      })),
    ];
  }, [history, navigate, set]);
}
