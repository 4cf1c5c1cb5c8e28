import { useEffect, useRef, useState } from 'react';
import { exactText } from '../api/exactJson';
import type { Line } from '../api/types';
import { useCommands } from '../app/commands';
import { levelOf, signOf } from '../levels';
import { quoted } from '../query/edit';
import { safeText } from '../text/safe';
import { displayInstant, parseInstant, type Zone } from '../time/instant';
import { CopyButton } from '../ui/CopyButton';
import { Icon } from '../ui/Icon';
import { Context } from './Context';
import type { FilterHow } from './Facets';
import { FieldTable } from './FieldTable';

interface Props {
  line: Line | null;
  zone: Zone;
  link: string;
  /** Grows whenever the keyboard asks for the drawer, which then has the focus. */
  called: number;
  onClose(): void;
  onFilter(field: string, value: unknown, how: FilterHow): void;
  onStep(step: 1 | -1): void;
  /** Opens another query in Explore. */
  onQuery(q: string): void;
}

type Tab = 'fields' | 'json' | 'context';
const TABS: [Tab, string][] = [
  ['fields', 'Fields'],
  ['json', 'JSON'],
  ['context', 'Context'],
];

/** Everything about one line. Follows the focus while it is open. */
export function Drawer({ line, zone, link, called, onClose, onFilter, onStep, onQuery }: Props) {
  const [tab, setTab] = useState<Tab>('fields');
  const panel = useRef<HTMLElement>(null);
  useCommands({ close: onClose });
  useEffect(() => {
    if (called > 0 && !panel.current?.contains(document.activeElement)) panel.current?.focus({ preventScroll: true });
  }, [called]);
  const level = levelOf(line?.level);
  const time = line && parseInstant(line.timestamp);
  return (
    <aside className="drawer" aria-label="The focused line" ref={panel} tabIndex={-1}>
      <header className="drawer-head">
        <div className="drawer-title">
          {line ? (
            <>
              <span className={`badge level-${level}`}>
                <span aria-hidden="true">{signOf(level).glyph}</span> {signOf(level).word}
              </span>
              <span className="drawer-time number">
                {time === null ? safeText(line.timestamp) : displayInstant(time, zone, 9)}
              </span>
            </>
          ) : (
            <span className="muted">Loading…</span>
          )}
        </div>
        <button
          type="button"
          className="icon-button turned-up"
          onClick={() => onStep(-1)}
          aria-label="Previous line"
          title="Previous line (k)"
        >
          <Icon name="down" />
        </button>
        <button
          type="button"
          className="icon-button"
          onClick={() => onStep(1)}
          aria-label="Next line"
          title="Next line (j)"
        >
          <Icon name="down" />
        </button>
        <button type="button" className="icon-button" onClick={onClose} aria-label="Close" title="Close (Esc)">
          <Icon name="close" />
        </button>
      </header>
      {line && (
        <>
          <Message text={String(line.message)} />
          <div className="drawer-actions">
            <CopyButton text={String(line.message)} label="Copy the message (y)">
              Copy line
            </CopyButton>
            <CopyButton text={link} label="Copy a link to this line (Y)">
              Copy link
            </CopyButton>
            <button type="button" className="button" onClick={() => onQuery(similarTo(String(line.message)))}>
              Find similar
            </button>
          </div>
          <div className="tabs" role="tablist" aria-label="Views of the line">
            {TABS.map(([id, label]) => (
              <button
                key={id}
                type="button"
                role="tab"
                id={`tab-${id}`}
                aria-selected={tab === id}
                aria-controls="drawer-panel"
                onClick={() => setTab(id)}
              >
                {label}
              </button>
            ))}
          </div>
          <div className="drawer-panel" id="drawer-panel" role="tabpanel" aria-labelledby={`tab-${tab}`} tabIndex={0}>
            {tab === 'fields' && <FieldTable line={line} onFilter={onFilter} />}
            {tab === 'json' && <Json line={line} />}
            {tab === 'context' && <Context key={line.id} line={line} zone={zone} onQuery={onQuery} />}
          </div>
        </>
      )}
    </aside>
  );
}

/** As much of a message as fits into a link; its first lines say most. */
const SIMILAR_TEXT = 1_500;

function similarTo(message: string): string {
  return `* | similar ${quoted(message.slice(0, SIMILAR_TEXT))}`;
}

/** A message of a megabyte is shown in steps, so that opening it costs nothing. */
const MESSAGE_STEP = 20_000;

function Message({ text }: { text: string }) {
  const [shown, setShown] = useState(MESSAGE_STEP);
  return (
    <section className="drawer-message" tabIndex={0} aria-label="Message">
      <pre>{safeText(text.slice(0, shown))}</pre>
      {text.length > shown && (
        <button type="button" className="link-button" onClick={() => setShown(shown * 5)}>
          Show more ({(text.length - shown).toLocaleString('en')} characters)
        </button>
      )}
    </section>
  );
}

function Json({ line }: { line: Line }) {
  const text = exactText(line, 2);
  return (
    <div className="json">
      <CopyButton text={text} label="Copy as JSON">
        Copy JSON
      </CopyButton>
      <pre>{safeText(text.slice(0, 200_000))}</pre>
    </div>
  );
}
