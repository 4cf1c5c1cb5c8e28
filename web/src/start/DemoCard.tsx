import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'wouter';
import { startDemo } from '../api/client';
import type { DemoState } from '../api/types';
import { Icon } from '../ui/Icon';
import { DEFAULT_STATE, exploreHref } from '../url';

const DAY = { ...DEFAULT_STATE, from: '-24h' };
const QUESTIONS = [
  { q: '', text: 'Its whole day' },
  { q: 'level>=error', text: 'Every error' },
  { q: '"login failed"', text: 'Failed logins' },
  { q: '* | stats count() as n by service | sort n desc', text: 'Lines by service' },
];

/** Whether the day before now is still being written. */
export function isFilling(demo: DemoState | undefined): boolean {
  return demo?.running === true && demo.phase === 'backfill';
}

/** Starts the sample feed: a day of a web shop with incidents hidden in it, then live. */
export function DemoCard({ demo }: { demo: DemoState | undefined }) {
  const [state, setState] = useState<'idle' | 'starting' | 'started' | 'failed'>('idle');
  const [problem, setProblem] = useState('');
  const queries = useQueryClient();
  const running = demo?.running || state === 'started';
  const start = async () => {
    setState('starting');
    try {
      await startDemo();
      setState('started');
      void queries.invalidateQueries({ queryKey: ['node'] });
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
      setState('failed');
    }
  };
  return (
    <section className="card" aria-labelledby="card-demo">
      <h2 id="card-demo">
        <Icon name="spark" size={18} /> Sample data
      </h2>
      <p className="muted">
        A day in a web shop of a dozen services, then live: JSON, access logs and stack traces, with incidents to find.
      </p>
      <div role="status">
        {running && isFilling(demo) && (
          <p className="demo-progress">
            <progress value={demo?.done ?? 0} max={1} aria-label="Day written" />
            <span className="muted">Writing the day before now</span>
          </p>
        )}
        {state === 'failed' && <p className="problem">{problem}</p>}
      </div>
      {running ? (
        <ul className="questions" aria-label="Questions to begin with">
          {QUESTIONS.map(({ q, text }) => (
            <li key={text}>
              <Link className="menu-item" href={exploreHref({ ...DAY, q })}>
                {text} <Icon name="right" size={13} />
              </Link>
            </li>
          ))}
        </ul>
      ) : (
        <div className="card-foot">
          <button type="button" className="button primary" onClick={start} disabled={state === 'starting'}>
            <Icon name="play" />
            {state === 'starting' ? 'Starting…' : 'Start the shop'}
          </button>
        </div>
      )}
    </section>
  );
}
