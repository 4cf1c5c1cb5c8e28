/** What a person chose for this browser; kept in local storage, applied to the page at once. */

import { create } from 'zustand';
import { persist } from 'zustand/middleware';
import type { Zone } from '../time/instant';

export type Theme = 'auto' | 'dark' | 'light';
export type Contrast = 'auto' | 'more';
export type Density = 'compact' | 'normal' | 'touch';
export type FontSize = 'normal' | 'large';

export interface Settings {
  theme: Theme;
  contrast: Contrast;
  density: Density;
  fontSize: FontSize;
  /** Whether plain letters are shortcuts (WCAG 2.1.4). */
  singleKeys: boolean;
  facetsOpen: boolean;
  /** The clock that times are told by. A link may name another one. */
  zone: Zone;
  /** Queries that were run, newest first. */
  history: string[];
}

interface Actions {
  set(change: Partial<Settings>): void;
  remember(query: string): void;
}

const HISTORY = 50;

export const useSettings = create<Settings & Actions>()(
  persist(
    (set) => ({
      theme: 'auto',
      contrast: 'auto',
      density: 'compact',
      fontSize: 'normal',
      singleKeys: true,
      facetsOpen: true,
      zone: 'local',
      history: [],
      set: (change) => set(change),
      remember: (query) =>
        set(({ history }) =>
          query.trim() === '' || history[0] === query
            ? {}
            : { history: [query, ...history.filter((old) => old !== query)].slice(0, HISTORY) },
        ),
    }),
    { name: 'heimdall.settings' },
  ),
);

/** Row height of the list in px. A phone shows a line on two rows of text. */
export function rowHeight(density: Density, phone: boolean): number {
  if (phone) return 52;
  return { compact: 20, normal: 24, touch: 32 }[density];
}

/** Puts the chosen look on `<html>` and follows the system when it is `auto`. Returns the way to stop. */
export function applySettings(root: HTMLElement = document.documentElement): () => void {
  const lightQuery = matchMedia('(prefers-color-scheme: light)');
  const contrastQuery = matchMedia('(prefers-contrast: more)');
  const apply = () => {
    const { theme, contrast, density, fontSize } = useSettings.getState();
    root.dataset.theme = theme === 'auto' ? (lightQuery.matches ? 'light' : 'dark') : theme;
    root.dataset.contrast = contrast === 'more' || contrastQuery.matches ? 'more' : 'normal';
    root.dataset.density = density;
    root.dataset.size = fontSize;
  };
  apply();
  const unsubscribe = useSettings.subscribe(apply);
  lightQuery.addEventListener('change', apply);
  contrastQuery.addEventListener('change', apply);
  return () => {
    unsubscribe();
    lightQuery.removeEventListener('change', apply);
    contrastQuery.removeEventListener('change', apply);
  };
}
