/** Pages of a frozen result, addressed by rank: loads what is in view, keeps the most recent, drops the rest. */

import { isLine, type Row } from '../api/types';

export const PAGE_ROWS = 200;
/** 60 pages of 200 rows of about 1 KB: 12 MB. */
const KEPT_PAGES = 60;

export type LoadPage = (rank: number, limit: number, signal: AbortSignal) => Promise<Row[]>;

interface Loading {
  controller: AbortController;
  promise: Promise<void>;
}

export class Pages {
  readonly #load: LoadPage;
  readonly #pages = new Map<number, Row[]>();
  readonly #loading = new Map<number, Loading>();
  readonly #failed = new Map<number, unknown>();
  readonly #listeners = new Set<() => void>();
  #version = 0;

  constructor(load: LoadPage) {
    this.#load = load;
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Changes whenever `at` may answer differently. */
  version = (): number => this.#version;

  at(rank: number): Row | undefined {
    return this.#pages.get(Math.floor(rank / PAGE_ROWS))?.[rank % PAGE_ROWS];
  }

  /** Rank of the line with this id among the rows that are loaded, -1 = none. */
  rankOf(id: string): number {
    for (const [page, rows] of this.#pages) {
      const place = rows.findIndex((row) => isLine(row) && row.id === id);
      if (place >= 0) return page * PAGE_ROWS + place;
    }
    return -1;
  }

  /** Error of the page that holds `rank`, if it could not be loaded. */
  failureAt(rank: number): unknown {
    return this.#failed.get(Math.floor(rank / PAGE_ROWS));
  }

  put(page: number, rows: Row[]): void {
    this.#pages.delete(page);
    this.#pages.set(page, rows);
    for (const oldest of this.#pages.keys()) {
      if (this.#pages.size <= KEPT_PAGES) break;
      this.#pages.delete(oldest);
    }
    this.#changed();
  }

  /** Loads the pages of rows `first` … `end` - 1 and stops loading any other. Resolves when they are there or failed. */
  async show(first: number, end: number): Promise<void> {
    if (end <= first) return;
    const from = Math.floor(first / PAGE_ROWS);
    const to = Math.floor((end - 1) / PAGE_ROWS);
    for (const [page, { controller }] of this.#loading) {
      if (page < from || page > to) controller.abort();
    }
    const wanted: Promise<void>[] = [];
    for (let page = from; page <= to; page++) {
      const kept = this.#pages.get(page);
      if (kept) {
        this.#pages.delete(page);
        this.#pages.set(page, kept);
      } else wanted.push(this.#loading.get(page)?.promise ?? this.#start(page));
    }
    await Promise.all(wanted);
  }

  /** The row at `rank`, loaded if need be. */
  async row(rank: number): Promise<Row | undefined> {
    await this.show(rank, rank + 1);
    return this.at(rank);
  }

  retry(): void {
    this.#failed.clear();
    this.#changed();
  }

  stop(): void {
    for (const { controller } of this.#loading.values()) controller.abort();
  }

  #start(page: number): Promise<void> {
    const controller = new AbortController();
    const promise = this.#load(page * PAGE_ROWS, PAGE_ROWS, controller.signal)
      .then(
        (rows) => {
          this.#failed.delete(page);
          this.put(page, rows);
        },
        (error: unknown) => {
          if (controller.signal.aborted) return;
          this.#failed.set(page, error);
          this.#changed();
        },
      )
      .finally(() => {
        if (this.#loading.get(page)?.controller === controller) this.#loading.delete(page);
      });
    this.#loading.set(page, { controller, promise });
    return promise;
  }

  #changed(): void {
    this.#version += 1;
    for (const listener of this.#listeners) listener();
  }
}
