/** The newest lines of a live tail, newest first, with the gaps between them. Bounded. */

import type { Line, TailGap } from '../api/types';

/** About 10 MB of rows; older ones are in the store and can be searched. */
export const KEPT_LINES = 10_000;

export type TailItem = { kind: 'line'; line: Line } | { kind: 'gap'; gap: TailGap };

export class TailBuffer {
  /** Oldest first, so that appending is cheap; `at` turns it round. */
  #items: TailItem[] = [];
  #frozen: TailItem[] | null = null;
  #sinceFrozen = 0;
  #received = 0;

  add(lines: readonly Line[]): void {
    for (const line of lines) this.#items.push({ kind: 'line', line });
    this.#received += lines.length;
    if (this.#frozen) this.#sinceFrozen += lines.length;
    if (this.#items.length > KEPT_LINES * 1.25) this.#items = this.#items.slice(-KEPT_LINES);
  }

  addGap(gap: TailGap): void {
    this.#items.push({ kind: 'gap', gap });
  }

  /** What is on screen stands still; new lines are only counted. */
  pause(): void {
    this.#frozen ??= this.#items.slice(-KEPT_LINES);
  }

  resume(): void {
    this.#frozen = null;
    this.#sinceFrozen = 0;
  }

  get paused(): boolean {
    return this.#frozen !== null;
  }

  /** Lines that came while paused. */
  get waiting(): number {
    return this.#sinceFrozen;
  }

  get received(): number {
    return this.#received;
  }

  get length(): number {
    return Math.min((this.#frozen ?? this.#items).length, KEPT_LINES);
  }

  /** 0 = newest on screen. */
  at(rank: number): TailItem | undefined {
    const items = this.#frozen ?? this.#items;
    return items[items.length - 1 - rank];
  }
}
