import { type RefObject, useEffect, useRef } from 'react';

/** Per-millisecond share of the speed that is left; 0.998 feels like the browsers' own. */
const FRICTION = 0.998;
const SLOWEST_PX_PER_MS = 0.02;

/** Finger scrolling for a list whose scroll bar is scaled: a px of finger is a px of rows, with momentum. */
export function useTouchScroll(
  element: RefObject<HTMLElement | null>,
  active: boolean,
  scrollBy: (px: number) => void,
) {
  const latest = useRef(scrollBy);
  latest.current = scrollBy;
  useEffect(() => {
    const target = element.current;
    if (!target || !active) return;
    let lastY = 0;
    let lastTime = 0;
    let speed = 0;
    let frame = 0;
    const start = (event: TouchEvent) => {
      cancelAnimationFrame(frame);
      lastY = event.touches[0]?.clientY ?? 0;
      lastTime = event.timeStamp;
      speed = 0;
    };
    const move = (event: TouchEvent) => {
      const y = event.touches[0]?.clientY ?? lastY;
      if (event.touches.length !== 1) return;
      event.preventDefault();
      const elapsed = Math.max(1, event.timeStamp - lastTime);
      speed = 0.7 * ((lastY - y) / elapsed) + 0.3 * speed;
      latest.current(lastY - y);
      lastY = y;
      lastTime = event.timeStamp;
    };
    const coast = (before: number) => {
      frame = requestAnimationFrame((now) => {
        const elapsed = Math.min(64, now - before);
        latest.current(speed * elapsed);
        speed *= FRICTION ** elapsed;
        if (Math.abs(speed) > SLOWEST_PX_PER_MS) coast(now);
      });
    };
    const stop = () => {
      const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
      if (!still && Math.abs(speed) > SLOWEST_PX_PER_MS) coast(performance.now());
    };
    target.addEventListener('touchstart', start, { passive: true });
    target.addEventListener('touchmove', move, { passive: false });
    target.addEventListener('touchend', stop);
    return () => {
      cancelAnimationFrame(frame);
      target.removeEventListener('touchstart', start);
      target.removeEventListener('touchmove', move);
      target.removeEventListener('touchend', stop);
    };
  }, [element, active]);
}
