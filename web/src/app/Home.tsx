import { useQuery } from '@tanstack/react-query';
import { Redirect } from 'wouter';
import { nodeInfo } from '../api/client';

/** `/`: a node without records begins at Start, any other at Explore. */
export function Home() {
  const node = useQuery({ queryKey: ['node'], queryFn: ({ signal }) => nodeInfo(signal) });
  if (node.isPending) return null;
  return <Redirect to={node.data?.records === 0 ? '/start' : '/explore'} replace />;
}
