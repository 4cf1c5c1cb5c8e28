import { useQuery } from '@tanstack/react-query';
import { useEffect, useId, useState } from 'react';
import { sources } from '../api/client';
import type { Sender } from '../api/types';
import { noteOutcome } from '../app/connection';
import { CopyButton } from '../ui/CopyButton';
import { plural } from '../ui/format';
import { Icon } from '../ui/Icon';

const ASK_MS = 2_000;

/** What to paste into each sender, with this node's own address; green once records of its door have come. */
export function SendCard() {
  const [name, setName] = useState('json');
  const id = useId();
  const answer = useQuery({
    queryKey: ['sources'],
    queryFn: ({ signal }) => sources(signal),
    staleTime: 0,
    refetchInterval: ASK_MS,
  });
  const { error } = answer;
  useEffect(() => noteOutcome(error), [error]);
  const senders = answer.data?.data ?? [];
  const sender = senders.find((each) => each.name === name) ?? senders[0];
  return (
    <section className="card" aria-labelledby="card-send">
      <h2 id="card-send">
        <Icon name="send" size={18} /> Send
      </h2>
      <p className="sender">
        <label htmlFor={id}>From</label>
        <select id={id} value={sender?.name ?? ''} onChange={(event) => setName(event.target.value)}>
          {senders.map((each) => (
            <option key={each.name} value={each.name}>
              {each.title}
            </option>
          ))}
        </select>
      </p>
      {answer.error && !sender && <p className="problem">{answer.error.message}</p>}
      {sender && (
        <>
          <p className="muted">Paste into {sender.file}.</p>
          <pre className="command" tabIndex={0} role="region" aria-label="What to paste">
            {sender.snippet}
          </pre>
          <div className="card-foot">
            <CopyButton text={sender.snippet} label="Copy">
              Copy
            </CopyButton>
            <span role="status">
              <Came sender={sender} />
            </span>
          </div>
        </>
      )}
    </section>
  );
}

function Came({ sender }: { sender: Sender }) {
  if (sender.accepted > 0) {
    return (
      <span className="came">
        <Icon name="check" size={14} /> {plural(sender.accepted, 'line')} came this way
      </span>
    );
  }
  return <span className="muted">{sender.why ?? 'Nothing came this way yet'}</span>;
}
