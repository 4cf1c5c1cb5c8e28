import { useCallback, useEffect, useRef, useState } from 'react';
import { cancelQuery, histogram, search } from '../api/client';
import type { Envelope, HistogramAnswer, Row } from '../api/types';
import { noteOutcome } from '../app/connection';
import { PAGE_ROWS, Pages } from './pages';
import { newQueryId, type Run } from './run';

/** What is on screen: the last answer that came. */
export interface Shown {
  run: Run;
  pages: Pages;
  total: number;
  envelope: Envelope<Row[]>;
}

export interface Result {
  shown: Shown | null;
  /** The last histogram that came, and the run it belongs to. */
  chart: { run: Run; answer: HistogramAnswer } | null;
  phase: 'loading' | 'ready' | 'failed';
  error: unknown;
  startedAt: number;
  /** Stops the query here and on the node; undefined when nothing runs. */
  cancel?: () => void;
}

/** Rows of an answer that does not page: the API's own limit. */
const LIST_LIMIT = 10_000;

/** Asks for the first rows and the histogram of a run; keeps the last good answer until a new one is there. */
export function useResult(run: Run, active: boolean, buckets: number): Result {
  const [result, setResult] = useState<Result>({
    shown: null,
    chart: null,
    phase: 'loading',
    error: null,
    startedAt: 0,
  });
  const bucketCount = useRef(buckets);
  bucketCount.current = buckets;

  useEffect(() => {
    if (!active) return;
    const controller = new AbortController();
    const ids = [newQueryId(), newQueryId()] as const;
    let open = 2;
    const cancel = () => {
      controller.abort();
      for (const id of ids) cancelQuery(id);
      setResult((old) => ({
        ...old,
        phase: old.shown ? 'ready' : 'failed',
        error: old.shown ? null : new Cancelled(),
        cancel: undefined,
      }));
    };
    setResult((old) => ({ ...old, phase: 'loading', error: null, startedAt: performance.now(), cancel }));

    const settle = (change: (old: Result) => Partial<Result>) => {
      if (controller.signal.aborted) return;
      open -= 1;
      setResult((old) => {
        const next = { ...old, ...change(old) };
        if (open > 0) return next;
        const failed = next.error !== null;
        return { ...next, phase: failed ? 'failed' : 'ready', cancel: undefined };
      });
    };
    const fail = (error: unknown) => {
      if (controller.signal.aborted) return;
      noteOutcome(error);
      settle((old) => ({ error: old.error ?? error }));
    };

    let to = run.params.to;
    let lineCount: number | null = null;
    const pages = new Pages(async (rank, limit, signal) => {
      const answer = await search({ ...run.params, to, rank, limit }, signal).catch((error: unknown) => {
        noteOutcome(error);
        throw error;
      });
      return answer.data;
    });

    const first = run.shape === 'lines' ? { rank: 0, limit: PAGE_ROWS } : { limit: LIST_LIMIT };
    search({ ...run.params, ...first, query_id: ids[0] }, controller.signal).then((envelope) => {
      for (let at = 0; at < envelope.data.length || at === 0; at += PAGE_ROWS) {
        pages.put(at / PAGE_ROWS, envelope.data.slice(at, at + PAGE_ROWS));
      }
      const total = run.shape === 'lines' ? (lineCount ?? envelope.data.length) : envelope.data.length;
      settle(() => ({ shown: { run, pages, total, envelope } }));
    }, fail);

    histogram({ ...run.lineParams, buckets: bucketCount.current, query_id: ids[1] }, controller.signal).then(
      (answer) => {
        // An unbounded range is frozen where the histogram ended, so that ranks stay true.
        to ??= answer.to;
        lineCount = answer.total;
        settle(({ shown }) => ({
          chart: { run, answer },
          shown: shown?.run === run && run.shape === 'lines' ? { ...shown, total: answer.total } : shown,
        }));
      },
      fail,
    );

    return () => {
      if (open > 0) for (const id of ids) cancelQuery(id);
      controller.abort();
    };
  }, [run, active]);

  const { shown } = result;
  useEffect(() => () => shown?.pages.stop(), [shown]);
  return result;
}

/** The reader stopped the query. */
export class Cancelled extends Error {
  override name = 'Cancelled';

  constructor() {
    super('the query was cancelled');
  }
}

/** Re-renders on every change of the pages; returns a way to ask for rows. */
export function usePages(shown: Shown | null): (first: number, end: number) => void {
  const [, rerender] = useState(0);
  const pages = shown?.pages;
  useEffect(() => pages?.subscribe(() => rerender((n) => n + 1)), [pages]);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const paged = shown?.run.shape === 'lines';
  return useCallback(
    (first, end) => {
      clearTimeout(timer.current);
      if (!pages || !paged) return;
      // While the scroll bar is dragged, only where it rests is loaded.
      timer.current = setTimeout(() => void pages.show(first, end), 30);
    },
    [pages, paged],
  );
}
