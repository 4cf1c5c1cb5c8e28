/** Log text made safe to look at. The result is only ever put into text nodes. */
const ANSI = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[@-Z\\-_])|\u009b[0-?]*[ -/]*[@-~]/g;
const INVISIBLE =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g;
const SUSPICIOUS = new RegExp(`${INVISIBLE.source}|\\u001b`);

/** U+200C and U+200D are no disguise where they are spelling: in emoji of several parts, and between letters of scripts
 * whose letters join. */
const JOINER = /[\u200c\u200d]/;
const EMOJI_BEFORE = /\p{Extended_Pictographic}|\p{Emoji_Modifier}|\ufe0f/u;
const EMOJI_AFTER = /\p{Extended_Pictographic}|[\u2640\u2642]/u;
const JOINING =
  /[\p{Script=Arabic}\p{Script=Syriac}\p{Script=Mongolian}\p{Script=Devanagari}\p{Script=Bengali}\p{Script=Gurmukhi}\p{Script=Gujarati}\p{Script=Oriya}\p{Script=Tamil}\p{Script=Telugu}\p{Script=Kannada}\p{Script=Malayalam}\p{Script=Sinhala}\p{Script=Khmer}\p{Script=Myanmar}]/u;

/** A row shows at most this many characters; a screen holds fewer than 500. The drawer has the rest. */
export const ROW_CHARACTERS = 1_000;

/** Terminal colour and cursor sequences are taken out. */
export function stripAnsi(text: string): string {
  return text.includes('\u001b') || text.includes('\u009b') ? text.replace(ANSI, '') : text;
}

/** Characters that hide or reorder text are replaced by a name anyone can see: `⟦U+202E⟧`, `␀`. Tab and newline stay. */
export function revealInvisible(text: string): string {
  if (!SUSPICIOUS.test(text)) return text;
  return text.replace(INVISIBLE, (character, at: number) => {
    if (JOINER.test(character) && isSpelling(text, at)) return character;
    const code = character.charCodeAt(0);
    if (code < 0x20) return String.fromCharCode(0x2400 + code);
    if (code === 0x7f) return '␡';
    return `⟦U+${code.toString(16).toUpperCase().padStart(4, '0')}⟧`;
  });
}

function isSpelling(text: string, at: number): boolean {
  const before = [...text.slice(Math.max(0, at - 2), at)].at(-1) ?? '';
  const after = String.fromCodePoint(text.codePointAt(at + 1) ?? 0);
  if (text[at] === '\u200d' && EMOJI_BEFORE.test(before) && EMOJI_AFTER.test(after)) return true;
  return JOINING.test(before) && JOINING.test(after);
}

/** Whole text, for the drawer: terminal colours out, hidden characters shown, lines kept. */
export function safeText(text: string): string {
  return revealInvisible(stripAnsi(text.replace(/\r\n/g, '\n')));
}

export interface RowText {
  text: string;
  /** Lines after the first one. */
  moreLines: number;
  /** Characters of the first line that are not shown. */
  cut: number;
}

/** One line for the list. Cost is bounded however long the message is. */
export function rowText(message: string): RowText {
  const head = message.length > ROW_CHARACTERS * 4 ? message.slice(0, ROW_CHARACTERS * 4) : message;
  const end = head.search(/[\r\n]/);
  const first = stripAnsi(end < 0 ? head : head.slice(0, end));
  const shown = revealInvisible(first.slice(0, ROW_CHARACTERS));
  const lineLength = end < 0 ? first.length + (message.length - head.length) : first.length;
  return {
    text: shown,
    moreLines: end < 0 ? 0 : countLines(message, end),
    cut: Math.max(0, lineLength - ROW_CHARACTERS),
  };
}

/** At most 999: the row only says that there is more. */
function countLines(message: string, from: number): number {
  let lines = 0;
  for (let at = message.indexOf('\n', from); at >= 0 && lines < 999; at = message.indexOf('\n', at + 1)) {
    if (at + 1 < message.length) lines += 1;
  }
  return lines;
}
