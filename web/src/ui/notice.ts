/** One short message at a time, at the foot of the page, read out politely. */

import { create } from 'zustand';

interface NoticeState {
  text: string;
  /** Takes back what the message tells of. */
  undo: (() => void) | undefined;
  serial: number;
}

export const useNotice = create<NoticeState>()(() => ({ text: '', undo: undefined, serial: 0 }));

export function notify(text: string, undo?: () => void): void {
  useNotice.setState(({ serial }) => ({ text, undo, serial: serial + 1 }));
}
