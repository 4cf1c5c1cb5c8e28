/** Documents for `/graphql`. What the node says of them is shown as it is, errors too. */

import type { IntrospectionQuery } from 'graphql';
import { reach } from '../api/client';

const PATH = '/graphql';

export interface GraphqlAnswer {
  data?: unknown;
  errors?: { message: string }[];
  extensions?: { cost?: unknown };
}

export interface Asked {
  answer: GraphqlAnswer | string;
  status: number;
  tookMs: number;
}

export async function askGraphql(query: string, variables: unknown, signal?: AbortSignal): Promise<Asked> {
  const began = performance.now();
  const response = await reach(PATH, {
    method: 'POST',
    signal,
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ query, variables }),
  });
  const text = await response.text();
  const tookMs = performance.now() - began;
  try {
    return { answer: JSON.parse(text) as GraphqlAnswer, status: response.status, tookMs };
  } catch {
    return { answer: text, status: response.status, tookMs };
  }
}

export async function introspected(query: string, signal?: AbortSignal): Promise<IntrospectionQuery> {
  const { answer, status } = await askGraphql(query, undefined, signal);
  if (typeof answer === 'object' && answer.data) return answer.data as IntrospectionQuery;
  throw new Error(
    (typeof answer === 'object' && answer.errors?.[0]?.message) || `the node answered ${status} without a schema`,
  );
}
