import {
  autocompletion,
  type CompletionContext,
  type CompletionResult,
  closeBrackets,
  closeBracketsKeymap,
  completionKeymap,
} from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { type Diagnostic, linter } from '@codemirror/lint';
import { EditorState, Prec } from '@codemirror/state';
import { EditorView, keymap, placeholder as placeholderText, tooltips } from '@codemirror/view';
import { useEffect, useRef } from 'react';
import { complete, parse } from '../api/client';
import type { QueryParams } from '../api/types';
import { useSettings } from '../settings/store';
import { hql } from './language';
import { toCodePoints, toUnits } from './positions';
import { editorTheme } from './theme';
import { typeOverSelection } from './typing';

/** A text put into the editor from outside. What is typed lives in the editor alone: a new object replaces it. */
export interface Given {
  readonly text: string;
}

interface Props {
  given: Given;
  placeholder: string;
  bounds: Omit<QueryParams, 'q'>;
  onChange(text: string): void;
  onRun(text: string): void;
  onLeave(text: string): void;
}

/** The query editor. It lives in a shadow root: only there are its styles allowed without loosening the page's CSP. */
export default function Editor(props: Props) {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(null);
  const latest = useRef(props);
  latest.current = props;

  useEffect(() => {
    const element = host.current;
    if (!element) return;
    const root = element.shadowRoot ?? element.attachShadow({ mode: 'open' });
    const parent = document.createElement('div');
    root.replaceChildren(parent);
    const editor = new EditorView({
      root,
      parent,
      state: EditorState.create({
        doc: latest.current.given.text,
        selection: { anchor: latest.current.given.text.length },
        extensions: extensions(latest),
      }),
    });
    view.current = editor;
    editor.focus();
    return () => editor.destroy();
  }, []);

  useEffect(() => {
    const editor = view.current;
    if (!editor || editor.state.doc.toString() === props.given.text) return;
    editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: props.given.text } });
  }, [props.given]);

  return <div className="query-editor" ref={host} />;
}

type Latest = { readonly current: Props };

function extensions(latest: Latest) {
  const past = recaller();
  return [
    hql,
    history(),
    closeBrackets(),
    EditorView.lineWrapping,
    tooltips({ position: 'fixed' }),
    placeholderText(latest.current.placeholder),
    autocompletion({ override: [(context) => suggest(context, latest)], icons: false, activateOnTyping: true }),
    linter((editor) => check(editor.state.doc.toString()), { delay: 250 }),
    Prec.high(
      keymap.of([
        { key: 'ArrowUp', run: (editor) => past.step(editor, 1) },
        { key: 'ArrowDown', run: (editor) => past.step(editor, -1) },
      ]),
    ),
    keymap.of([
      ...closeBracketsKeymap,
      ...completionKeymap,
      { key: 'Mod-Enter', run: (editor) => run(editor, latest) },
      { key: 'Enter', run: (editor) => run(editor, latest), shift: (editor) => insertNewline(editor) },
      { key: 'Escape', run: (editor) => leave(editor) },
      ...historyKeymap,
      ...defaultKeymap,
    ]),
    EditorView.domEventHandlers({ beforeinput: typeOverSelection }),
    EditorView.contentAttributes.of({ 'aria-label': 'Query', autocapitalize: 'off', enterkeyhint: 'search' }),
    EditorView.updateListener.of((update) => {
      if (update.docChanged) latest.current.onChange(update.state.doc.toString());
      if (update.focusChanged && !update.view.hasFocus) latest.current.onLeave(update.state.doc.toString());
    }),
    editorTheme,
  ];
}

function run(editor: EditorView, latest: Latest): boolean {
  latest.current.onRun(editor.state.doc.toString());
  return true;
}

function insertNewline(editor: EditorView): boolean {
  editor.dispatch(editor.state.replaceSelection('\n'));
  return true;
}

function leave(editor: EditorView): boolean {
  editor.contentDOM.blur();
  return true;
}

/** ↑ in an empty query, and from then on ↑ ↓, walk through the queries asked before. */
function recaller() {
  let place = -1;
  let put = '';
  return {
    step(editor: EditorView, step: 1 | -1): boolean {
      const text = editor.state.doc.toString();
      if (text !== put) place = -1;
      if (text !== '' && (place < 0 || text !== put)) return false;
      const past = useSettings.getState().history;
      const next = Math.min(past.length - 1, place + step);
      if (past.length === 0 || next < -1) return false;
      place = next;
      put = past[place] ?? '';
      editor.dispatch({ changes: { from: 0, to: text.length, insert: put }, selection: { anchor: put.length } });
      return true;
    },
  };
}

async function suggest(context: CompletionContext, latest: Latest): Promise<CompletionResult | null> {
  const text = context.state.doc.toString();
  const before = text.slice(0, context.pos);
  if (!context.explicit && !/[\p{L}\p{N}_.:|@]\s?$/u.test(before)) return null;
  const controller = new AbortController();
  context.addEventListener('abort', () => controller.abort(), { onDocChange: true });
  try {
    const params = { ...latest.current.bounds, q: text, cursor: toCodePoints(text, context.pos), limit: 20 };
    const answer = await complete(params, controller.signal);
    return {
      from: toUnits(text, answer.replace_from),
      to: toUnits(text, answer.replace_to),
      options: answer.data.map((item, i) => ({
        label: item.label,
        apply: item.insert,
        detail: item.detail,
        type: item.kind,
        boost: -i,
      })),
      filter: false,
    };
  } catch {
    return null;
  }
}

async function check(text: string): Promise<Diagnostic[]> {
  if (text.trim() === '') return [];
  try {
    const answer = await parse(text);
    if (answer.ok) return [];
    const from = Math.min(text.length, toUnits(text, answer.column - 1));
    const to = Math.max(from, Math.min(text.length, toUnits(text, answer.column - 1 + Math.max(1, answer.length))));
    const message = answer.hint ? `${answer.message}. ${answer.hint}` : answer.message;
    return [{ from: from === to ? Math.max(0, from - 1) : from, to, severity: 'error', message }];
  } catch {
    return [];
  }
}
