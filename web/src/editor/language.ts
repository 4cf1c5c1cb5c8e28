/** HQL for CodeMirror: the tree and its colours. */

import { HighlightStyle, LanguageSupport, LRLanguage, syntaxHighlighting } from '@codemirror/language';
import { styleTags, tags as t } from '@lezer/highlight';
import { parser } from './generated/parser.js';

const tagged = parser.configure({
  props: [
    styleTags({
      'Field/...': t.propertyName,
      'Value/...': t.attributeValue,
      'PipeName/...': t.keyword,
      'Function/...': t.function(t.variableName),
      Keyword: t.operatorKeyword,
      String: t.string,
      Regex: t.regexp,
      Number: t.number,
      Op: t.operator,
      Punctuation: t.punctuation,
      '"|"': t.separator,
    }),
  ],
});

/** Colours are the page's own tokens, so that both themes and high contrast follow. */
const colours = HighlightStyle.define([
  { tag: t.propertyName, color: 'var(--accent)' },
  { tag: [t.keyword, t.operatorKeyword], color: 'var(--syntax-word)', fontWeight: '600' },
  { tag: t.function(t.variableName), color: 'var(--syntax-call)' },
  { tag: [t.string, t.attributeValue], color: 'var(--syntax-value)' },
  { tag: t.regexp, color: 'var(--syntax-regex)' },
  { tag: t.number, color: 'var(--syntax-number)' },
  { tag: [t.operator, t.punctuation], color: 'var(--muted)' },
  { tag: t.separator, color: 'var(--syntax-word)', fontWeight: '700' },
]);

export const hql = new LanguageSupport(LRLanguage.define({ name: 'hql', parser: tagged }), [
  syntaxHighlighting(colours),
]);
