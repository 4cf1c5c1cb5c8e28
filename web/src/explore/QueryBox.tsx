import { Suspense, useCallback, useEffect, useRef, useState } from 'react';
import type { QueryParams } from '../api/types';
import { useCommands } from '../app/commands';
import { later } from '../app/later';
import type { Given } from '../editor/Editor';
import { useSettings } from '../settings/store';
import { Icon } from '../ui/Icon';

const Editor = later(() => import('../editor/Editor'), 'retry');

interface Props {
  q: string;
  /** Time range, for completions that match. */
  bounds: Omit<QueryParams, 'q'>;
  onRun(q: string): void;
}

const HINT = 'Search: words, "a phrase", service:payment level>=error | stats count() by service';

/** A plain input until it is used; then the editor, loaded on first focus, takes its place. */
export function QueryBox({ q, bounds, onRun }: Props) {
  const [text, setText] = useState(q);
  const [given, setGiven] = useState<Given>({ text: q });
  const [editing, setEditing] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  /** While the editor is on its way, its stand-in has the focus: what is typed meanwhile is text, no shortcut. */
  const standIn = useCallback(
    (element: HTMLInputElement | null) => {
      input.current = element;
      if (!element || !editing) return;
      element.focus();
      element.setSelectionRange(element.value.length, element.value.length);
    },
    [editing],
  );
  const remember = useSettings((state) => state.remember);

  const put = useCallback((value: string) => {
    setText(value);
    setGiven({ text: value });
  }, []);
  useEffect(() => put(q), [q, put]);

  const run = (value: string) => {
    remember(value.trim());
    onRun(value.trim());
  };
  useCommands({
    focusQuery: () => {
      setEditing(true);
      input.current?.focus();
    },
    run: () => run(text),
  });

  const plain = (
    <input
      ref={standIn}
      className="query-input"
      aria-label="Query"
      placeholder={HINT}
      value={text}
      spellCheck={false}
      autoCapitalize="off"
      autoComplete="off"
      enterKeyHint="search"
      onChange={(event) => put(event.target.value)}
      onFocus={() => setEditing(true)}
      // Who has gone on before the editor came is not called back. (A stand-in taken away goes to nowhere.)
      onBlur={(event) => event.relatedTarget && setEditing(false)}
      onKeyDown={(event) => event.key === 'Enter' && run(text)}
    />
  );
  return (
    <div className="query" role="search">
      <Icon name="explore" />
      {editing ? (
        <Suspense fallback={plain}>
          <Editor
            given={given}
            placeholder={HINT}
            bounds={bounds}
            onChange={setText}
            onRun={run}
            onLeave={(left) => {
              put(left);
              setEditing(false);
            }}
          />
        </Suspense>
      ) : (
        plain
      )}
      {text !== '' && (
        <button
          type="button"
          className="icon-button"
          aria-label="Clear the query"
          title="Clear the query"
          onClick={() => {
            put('');
            run('');
          }}
        >
          <Icon name="close" />
        </button>
      )}
      <button type="button" className="button primary query-run" onClick={() => run(text)} title="Run (Ctrl Enter)">
        Run
      </button>
    </div>
  );
}
