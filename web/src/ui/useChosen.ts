import { type RefObject, useLayoutEffect, useRef } from 'react';

/**
 * Brings a card that was chosen into view, and the keyboard to it. One that was chosen by its own button stays where
 * it is: moved under the pointer, the button would lose the click, and moved out of it, the keyboard would lose its place.
 */
export function useChosen(chosen: boolean): RefObject<HTMLElement | null> {
  const place = useRef<HTMLElement>(null);
  useLayoutEffect(() => {
    const card = place.current;
    if (!chosen || !card || card.contains(document.activeElement)) return;
    card.scrollIntoView({ block: 'nearest' });
    card.focus({ preventScroll: true });
  }, [chosen]);
  return place;
}
