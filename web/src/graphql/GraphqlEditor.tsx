import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { bracketMatching, HighlightStyle, syntaxHighlighting } from '@codemirror/language';
import { EditorState, Prec } from '@codemirror/state';
import { EditorView, keymap, lineNumbers, tooltips } from '@codemirror/view';
import { tags } from '@lezer/highlight';
import { graphql, updateSchema } from 'cm6-graphql';
import type { GraphQLSchema } from 'graphql';
import { useEffect, useRef } from 'react';
import { editorTheme } from '../editor/theme';
import { typeOverSelection } from '../editor/typing';

interface Props {
  text: string;
  schema: GraphQLSchema | undefined;
  onChange(text: string): void;
  onRun(): void;
}

/** A document's editor: completes and checks against the schema. In a shadow root, as the query's editor. */
export function GraphqlEditor(props: Props) {
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
      state: EditorState.create({ doc: latest.current.text, extensions: extensions(latest) }),
    });
    view.current = editor;
    if (latest.current.schema) updateSchema(editor, latest.current.schema);
    return () => editor.destroy();
  }, []);

  useEffect(() => {
    if (view.current && props.schema) updateSchema(view.current, props.schema);
  }, [props.schema]);

  return <div className="graphql-editor" ref={host} />;
}

function extensions(latest: { readonly current: Props }) {
  const run = () => {
    latest.current.onRun();
    return true;
  };
  return [
    Prec.high(keymap.of([{ key: 'Mod-Enter', run }])),
    graphql(),
    autocompletion({ icons: false }),
    history(),
    lineNumbers(),
    bracketMatching(),
    closeBrackets(),
    EditorView.lineWrapping,
    tooltips({ position: 'fixed' }),
    keymap.of([...closeBracketsKeymap, ...completionKeymap, ...historyKeymap, ...defaultKeymap]),
    EditorView.domEventHandlers({ beforeinput: typeOverSelection }),
    EditorView.contentAttributes.of({ 'aria-label': 'GraphQL document', autocapitalize: 'off' }),
    EditorView.updateListener.of((update) => {
      if (update.docChanged) latest.current.onChange(update.state.doc.toString());
    }),
    syntaxHighlighting(colours),
    editorTheme,
    Prec.highest(tall),
  ];
}

const tall = EditorView.theme({
  '.cm-scroller': { maxHeight: 'none' },
  '.cm-content': { minHeight: '320px' },
  '.cm-gutters': { backgroundColor: 'transparent', color: 'var(--muted)', border: 'none' },
  '.cm-activeLineGutter': { backgroundColor: 'transparent' },
});

const colours = HighlightStyle.define([
  { tag: [tags.keyword, tags.definitionKeyword], color: 'var(--accent)' },
  { tag: [tags.string, tags.number, tags.bool], color: 'var(--level-info)' },
  { tag: tags.comment, color: 'var(--muted)' },
]);
