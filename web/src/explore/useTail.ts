import { useEffect, useRef, useState } from 'react';
import { tailUrl } from '../api/client';
import { parseExact } from '../api/exactJson';
import type { TailGap, TailHeartbeat, TailLines } from '../api/types';
import { TailBuffer } from './tailBuffer';

export interface Tail {
  buffer: TailBuffer;
  state: 'connecting' | 'open' | 'reconnecting' | 'refused';
  /** Matching records per second, as the node counts them. */
  rate: number | null;
  /** Grows with every repaint. */
  version: number;
  pause(): void;
  resume(): void;
}

/** The list is repainted at most this often, however fast lines come. */
const PAINT_MS = 100;

/** Follows matching lines as they are stored. The browser reconnects by itself and resumes by event id. */
export function useTail(q: string, active: boolean): Tail {
  const [version, setVersion] = useState(0);
  const [state, setState] = useState<Tail['state']>('connecting');
  const [rate, setRate] = useState<number | null>(null);
  const buffer = useRef(new TailBuffer());

  useEffect(() => {
    if (!active) return;
    const own = new TailBuffer();
    buffer.current = own;
    setState('connecting');
    setRate(null);
    setVersion((n) => n + 1);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const repaint = () => {
      if (timer !== undefined) return;
      timer = setTimeout(() => {
        timer = undefined;
        setVersion((n) => n + 1);
      }, PAINT_MS);
    };
    const source = new EventSource(tailUrl(q));
    const on = <T>(event: string, act: (data: T) => void) =>
      source.addEventListener(event, (message) => {
        act(parseExact((message as MessageEvent<string>).data) as T);
        repaint();
      });
    on<TailLines>('lines', ({ rows }) => own.add(rows));
    on<TailGap>('gap', (gap) => own.addGap(gap));
    on<TailHeartbeat>('heartbeat', (beat) => setRate(beat.rate));
    source.onopen = () => setState('open');
    source.onerror = () => setState(source.readyState === EventSource.CLOSED ? 'refused' : 'reconnecting');
    return () => {
      source.close();
      clearTimeout(timer);
    };
  }, [q, active]);

  const act = (change: (own: TailBuffer) => void) => () => {
    change(buffer.current);
    setVersion((n) => n + 1);
  };
  return {
    buffer: buffer.current,
    state,
    rate,
    version,
    pause: act((own) => own.pause()),
    resume: act((own) => own.resume()),
  };
}
