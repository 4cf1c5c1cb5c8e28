/** Whether the node answers. One place knows, a banner shows it, and everything reloads when it is back. */

import { create } from 'zustand';
import { nodeInfo } from '../api/client';
import { Unreachable } from '../api/errors';

interface Connection {
  reachable: boolean;
  /** Grows each time the node comes back; effects that load data depend on it. */
  epoch: number;
}

export const useConnection = create<Connection>()(() => ({ reachable: true, epoch: 0 }));

const RETRY_MS = 2_000;
let timer: ReturnType<typeof setTimeout> | undefined;

/** Tell what a call ended with; anything but `Unreachable` means that the node is there. */
export function noteOutcome(error: unknown): void {
  if (!(error instanceof Unreachable)) return;
  useConnection.setState({ reachable: false });
  if (timer === undefined) timer = setTimeout(check, RETRY_MS);
}

async function check(): Promise<void> {
  timer = undefined;
  try {
    await nodeInfo();
  } catch (error) {
    if (error instanceof Unreachable) {
      timer = setTimeout(check, RETRY_MS);
      return;
    }
  }
  useConnection.setState(({ epoch }) => ({ reachable: true, epoch: epoch + 1 }));
}

/** Follows the browser's own idea of being offline. Returns the way to stop. */
export function watchBrowser(): () => void {
  const offline = () => noteOutcome(new Unreachable());
  window.addEventListener('offline', offline);
  return () => window.removeEventListener('offline', offline);
}
