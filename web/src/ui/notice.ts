/** One short message at a time, at the foot of the page, read out politely. */

import { create } from 'zustand';

export const useNotice = create<{ text: string; serial: number }>()(() => ({ text: '', serial: 0 }));

export function notify(text: string): void {
  useNotice.setState(({ serial }) => ({ text, serial: serial + 1 }));
}
