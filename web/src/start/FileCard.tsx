import { type DragEvent, useRef, useState } from 'react';
import { Link } from 'wouter';
import { sendLogs } from '../api/client';
import { ApiError } from '../api/errors';
import type { IngestAnswer } from '../api/types';
import { count, plural } from '../ui/format';
import { Icon } from '../ui/Icon';
import { encodingOf, isBinary, splitAtLines, typeOf } from './filePieces';

interface Progress {
  key: number;
  name: string;
  sent: number;
  size: number;
  answer: IngestAnswer;
  done: boolean;
  problem?: string;
}

const NOTHING: IngestAnswer = { accepted: 0, rejected: 0, errors: [] };
const BEGINNING = { sent: 0, answer: NOTHING, done: false };

let nextKey = 0;

/** Drop or choose files: sent one after the other in pieces of whole lines, each durable before the next. */
export function FileCard() {
  const input = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(false);
  const [progress, setProgress] = useState<Progress[]>([]);
  const queue = useRef<Promise<void>>(Promise.resolve());

  const sendAll = (files: Iterable<File>) => {
    setProgress((all) => (all.every(({ done }) => done) ? [] : all));
    for (const file of files) {
      const key = nextKey++;
      setProgress((all) => [...all, { key, name: file.name, size: file.size, ...BEGINNING }]);
      queue.current = queue.current.then(() => send(file, key));
    }
  };
  const send = async (file: File, key: number) => {
    let answer = NOTHING;
    let sent = 0;
    const show = (more: Partial<Progress>) =>
      setProgress((all) => all.map((each) => (each.key === key ? { ...each, sent, answer, ...more } : each)));
    try {
      if (await isBinary(file)) {
        show({ done: true, problem: 'this is no text; nothing was sent' });
        return;
      }
      for await (const piece of splitAtLines(file)) {
        const part = await sendLogs(piece, typeOf(file.name), encodingOf(file.name));
        sent += piece.size;
        answer = {
          accepted: answer.accepted + part.accepted,
          rejected: answer.rejected + part.rejected,
          errors: [...answer.errors, ...part.errors].slice(0, 5),
        };
        show({});
      }
      show({ done: true });
    } catch (error) {
      show({
        done: true,
        problem: error instanceof ApiError ? `${error.message}${error.hint ? ` (${error.hint})` : ''}` : String(error),
      });
    }
  };
  const onDrop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    sendAll(event.dataTransfer.files);
  };
  return (
    <section
      className="card"
      aria-labelledby="card-file"
      data-over={over}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={onDrop}
    >
      <h2 id="card-file">
        <Icon name="file" size={18} /> Open files
      </h2>
      <p className="muted">JSON lines and arrays, CSV, access logs, syslog, logfmt, stack traces; also .gz and .zst.</p>
      <button type="button" className="drop" onClick={() => input.current?.click()}>
        <Icon name="start" size={20} />
        <span>{over ? 'Let go to send them' : 'Drop files here, or choose some'}</span>
      </button>
      <input
        ref={input}
        type="file"
        multiple
        className="sr-only"
        tabIndex={-1}
        aria-label="Log files"
        onChange={(event) => {
          sendAll(event.target.files ?? []);
          event.target.value = '';
        }}
      />
      <div role="status">
        {progress.map((each) => (
          <FileProgress key={each.key} progress={each} />
        ))}
      </div>
    </section>
  );
}

function FileProgress({ progress }: { progress: Progress }) {
  const { name, sent, size, answer, done, problem } = progress;
  return (
    <div className="file-progress">
      {!done && <progress value={sent} max={size || 1} aria-label={`Sending ${name}`} />}
      {problem ? (
        <p className="problem">
          {name}: {problem}
        </p>
      ) : (
        <p>
          {name}: {plural(answer.accepted, 'line')} {done ? 'stored' : 'so far'}
          {answer.rejected > 0 && `, ${count(answer.rejected)} refused`}
          {done && answer.accepted > 0 && (
            <>
              . <Link href="/explore?from=all">Explore them</Link>
            </>
          )}
        </p>
      )}
      {answer.errors.map((error) => (
        <p key={`${error.line} ${error.reason}`} className="muted">
          line {error.line}: {error.reason}
        </p>
      ))}
    </div>
  );
}
