/** Parts of the pages that come from the node when they are first needed. */

import { type ComponentType, type LazyExoticComponent, lazy } from 'react';
import { nodeInfo } from '../api/client';
import { Unreachable } from '../api/errors';
import { noteOutcome, useConnection } from './connection';

const RELOADED = 'heimdall.reloaded';
/** A part that is missing so soon after the page was loaded anew will not come by loading it again. */
const RELOADS_APART_MS = 20_000;

type Load<P> = () => Promise<{ default: ComponentType<P> }>;

/**
 * `React.lazy` that outlives a node which is away or was upgraded (its parts have other names then): as soon as a node
 * answers, `reload` loads the page anew, which the address restores; `retry` asks for the part again and leaves its
 * stand-in until it comes.
 */
export function later<P>(
  load: Load<P>,
  whenBack: 'reload' | 'retry' = 'reload',
): LazyExoticComponent<ComponentType<P>> {
  return lazy(() => outlasting(load, whenBack));
}

async function outlasting<P>(load: Load<P>, whenBack: 'reload' | 'retry'): ReturnType<Load<P>> {
  try {
    return await load();
  } catch (error) {
    const wasAway = !(await answers());
    if (wasAway) await isBack();
    if (whenBack === 'retry') return wasAway ? outlasting(load, whenBack) : never();
    if (Date.now() - Number(sessionStorage.getItem(RELOADED) ?? 0) < RELOADS_APART_MS) throw error;
    sessionStorage.setItem(RELOADED, String(Date.now()));
    location.reload();
    return never();
  }
}

async function answers(): Promise<boolean> {
  try {
    await nodeInfo();
  } catch (error) {
    noteOutcome(error);
    return !(error instanceof Unreachable);
  }
  return true;
}

function isBack(): Promise<void> {
  return new Promise((resolve) => {
    const stop = useConnection.subscribe(({ reachable }) => {
      if (!reachable) return;
      stop();
      resolve();
    });
  });
}

function never(): Promise<never> {
  return new Promise(() => {});
}
