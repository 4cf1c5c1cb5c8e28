import './start.css';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { nodeInfo } from '../api/client';
import { PageHead } from '../shell/PageHead';
import { DemoCard, isFilling } from './DemoCard';
import { FileCard } from './FileCard';
import { SendCard } from './SendCard';
import { WaitingPanel } from './WaitingPanel';

/** First run: three ways to get logs in, and a panel that turns green when the first one is there. */
export function Start() {
  const node = useQuery({
    queryKey: ['node'],
    queryFn: ({ signal }) => nodeInfo(signal),
    staleTime: 0,
    refetchInterval: (query) => (isFilling(query.state.data?.demo) ? 1_000 : false),
  });
  const [openedAt] = useState(() => Date.now());
  return (
    <div className="page start">
      <PageHead
        title="Get your logs in"
        about="Send them, open a file, or look at sample data. Nothing leaves this machine."
      />
      <WaitingPanel since={openedAt} stored={node.data?.records ?? null} />
      <div className="cards">
        <SendCard />
        <FileCard />
        <DemoCard demo={node.data?.demo} />
      </div>
    </div>
  );
}
