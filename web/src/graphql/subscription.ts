/** Documents that go on answering, over a websocket with the protocol `graphql-transport-ws`. */

import { getOperationAST, parse } from 'graphql';
import type { GraphqlAnswer } from './client';

const PROTOCOL = 'graphql-transport-ws';
const ID = '1';

export interface Listener {
  answered(answer: GraphqlAnswer): void;
  /** Called once, and nothing after it; `problem` when the end was not wanted. */
  ended(problem?: string): void;
}

interface Message {
  type: string;
  payload?: unknown;
}

/** Whether the document's one operation is a subscription. What is no document is for the node to say. */
export function isSubscription(query: string): boolean {
  try {
    return getOperationAST(parse(query))?.operation === 'subscription';
  } catch {
    return false;
  }
}

/** Ask, and hear every answer until the returned function is called. */
export function listen(query: string, variables: unknown, listener: Listener): () => void {
  const socket = new WebSocket(`${location.origin.replace(/^http/, 'ws')}/graphql`, PROTOCOL);
  let over = false;
  const end = (problem?: string) => {
    if (over) return;
    over = true;
    socket.close();
    listener.ended(problem);
  };
  const send = (message: object) => socket.send(JSON.stringify(message));
  socket.onopen = () => send({ type: 'connection_init' });
  socket.onclose = ({ reason }) => end(reason || 'the node closed the connection');
  socket.onmessage = ({ data }) => {
    if (over) return;
    const message = JSON.parse(data) as Message;
    if (message.type === 'connection_ack') send({ id: ID, type: 'subscribe', payload: { query, variables } });
    else if (message.type === 'ping') send({ type: 'pong' });
    else if (message.type === 'next') listener.answered(message.payload as GraphqlAnswer);
    else if (message.type === 'error') end(told(message.payload));
    else if (message.type === 'complete') end();
  };
  return () => end();
}

function told(faults: unknown): string {
  const messages = Array.isArray(faults) ? faults.map((fault: { message?: string }) => fault.message) : [];
  return messages.filter(Boolean).join('; ') || 'the node refused the subscription';
}
