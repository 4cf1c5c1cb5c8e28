import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'wouter';
import { startDemo } from '../api/client';
import { Icon } from '../ui/Icon';

/** Starts the sample feed: a day of a web shop with incidents hidden in it, then live. */
export function DemoCard({ running }: { running: boolean }) {
  const [state, setState] = useState<'idle' | 'starting' | 'started' | 'failed'>('idle');
  const [problem, setProblem] = useState('');
  const queries = useQueryClient();
  const active = running || state === 'started';
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
      <div className="card-foot" role="status">
        {active ? (
          <p>
            The shop is running. <Link href="/explore?from=-24h">Explore its day</Link>
          </p>
        ) : (
          <button type="button" className="button primary" onClick={start} disabled={state === 'starting'}>
            <Icon name="play" />
            {state === 'starting' ? 'Starting…' : 'Start the shop'}
          </button>
        )}
        {state === 'failed' && <p className="problem">{problem}</p>}
      </div>
    </section>
  );
}
