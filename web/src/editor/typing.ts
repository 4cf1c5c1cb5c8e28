import type { EditorView } from '@codemirror/view';

/**
 * Typing over a selection is done by the editor, not by the browser: Chrome would keep the look of the replaced text in
 * an inline style, which the page's CSP refuses. Brackets and quotes are left to `closeBrackets`.
 */
export function typeOverSelection(event: InputEvent, editor: EditorView): boolean {
  const typed = event.data ?? '';
  if (event.inputType !== 'insertText' || event.isComposing || editor.state.selection.main.empty) return false;
  if (typed === '' || /[()[\]{}'"]/.test(typed)) return false;
  event.preventDefault();
  editor.dispatch({ ...editor.state.replaceSelection(typed), userEvent: 'input.type', scrollIntoView: true });
  return true;
}
