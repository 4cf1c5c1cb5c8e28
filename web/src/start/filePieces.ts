/** Cuts a file into pieces that end at a line's end, so that each can be sent by itself. */

/** Small enough for any node's limit of a request, large enough for few round trips. */
export const PIECE_BYTES = 8 * 1024 * 1024;
const NEWLINE = 10;

export function encodingOf(name: string): string | undefined {
  if (/\.(gz|gzip)$/i.test(name)) return 'gzip';
  return /\.zst$/i.test(name) ? 'zstd' : undefined;
}

export function typeOf(name: string): string {
  const plain = name.replace(/\.(gz|gzip|zst)$/i, '');
  if (/\.(ndjson|jsonl)$/i.test(plain)) return 'application/x-ndjson';
  return /\.json$/i.test(plain) ? 'application/json' : 'text/plain';
}

/** Whether a file is none of text: more than one byte in twenty of its beginning is a control character. What is
 * compressed is looked into by the node. */
export async function isBinary(file: File): Promise<boolean> {
  if (encodingOf(file.name)) return false;
  const head = new Uint8Array(await file.slice(0, 1024).arrayBuffer()).filter((byte) => byte !== 0);
  const control = head.filter((byte) => byte < 9 || (byte > 13 && byte < 32 && byte !== 27) || byte === 127);
  return control.length * 20 > head.length;
}

/** Whole file when it is compressed, one JSON document, a table with a head, or small; else pieces of whole lines. */
export async function* splitAtLines(file: File, pieceBytes = PIECE_BYTES): AsyncGenerator<Blob> {
  const whole = encodingOf(file.name) || typeOf(file.name) === 'application/json' || /\.(csv|tsv)$/i.test(file.name);
  if (whole || file.size <= pieceBytes) {
    if (file.size > 0) yield file;
    return;
  }
  let start = 0;
  while (start < file.size) {
    const end = Math.min(file.size, start + pieceBytes);
    const cut = end === file.size ? end : await lastLineEnd(file, start, end);
    yield file.slice(start, cut);
    start = cut;
  }
}

/** One past the last newline before `end`; a line longer than a piece is cut where the piece ends. */
async function lastLineEnd(file: File, start: number, end: number): Promise<number> {
  const from = Math.max(start, end - 1024 * 1024);
  const bytes = new Uint8Array(await file.slice(from, end).arrayBuffer());
  const at = bytes.lastIndexOf(NEWLINE);
  return at < 0 ? end : from + at + 1;
}
