/** Turns key presses into commands, chords (`g e`) included. */

import { BINDINGS, type Binding, type Command } from './bindings';

/** A second key later than this begins a new chord. */
export const CHORD_MS = 1_000;

export interface Stroke {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
  shiftKey: boolean;
  timeStamp: number;
}

/** Where the key was pressed: free on the page, in a text field, or on a control that has Enter and arrows of its own. */
export type Place = 'page' | 'text' | 'control';

export interface Match {
  command: Command;
  /** The stroke that completed it, e.g. which digit. */
  key: string;
}

const TABLE = new Map<string, Command>();
for (const [command, binding] of Object.entries(BINDINGS) as [Command, Binding][]) {
  for (const keys of binding.keys) TABLE.set(keys, command);
}
const PREFIXES = new Set([...TABLE.keys()].filter((keys) => keys.includes(' ')).map((keys) => keys.split(' ')[0]));
const CONTROL_KEYS = new Set(['Enter', 'ArrowUp', 'ArrowDown', 'Home', 'End', 'PageUp', 'PageDown']);

export function strokeName(stroke: Stroke): string {
  if (!stroke.ctrlKey && !stroke.metaKey) return stroke.key;
  const key = stroke.key.length === 1 ? stroke.key.toLowerCase() : stroke.key;
  return `Ctrl+${stroke.shiftKey ? 'Shift+' : ''}${key}`;
}

export class Matcher {
  #pending = '';
  #pendingSince = Number.NEGATIVE_INFINITY;

  /** The command this stroke completes, or null. `singleKeys`: whether plain letters are shortcuts at all. */
  press(stroke: Stroke, place: Place, singleKeys: boolean): Match | null {
    const chord = this.#takePending(stroke.timeStamp);
    if (stroke.altKey) return null;
    const name = strokeName(stroke);
    const withModifier = name.startsWith('Ctrl+') || name === 'Escape';
    if (!withModifier && (place === 'text' || !singleKeys)) return null;
    if (place === 'control' && CONTROL_KEYS.has(name)) return null;
    const command = (chord && TABLE.get(`${chord} ${name}`)) || TABLE.get(name);
    if (!command) {
      if (PREFIXES.has(name)) {
        this.#pending = name;
        this.#pendingSince = stroke.timeStamp;
      }
      return null;
    }
    const binding: Binding = BINDINGS[command];
    if (place === 'text' && !binding.inText) return null;
    return { command, key: stroke.key };
  }

  #takePending(now: number): string {
    const pending = now - this.#pendingSince <= CHORD_MS ? this.#pending : '';
    this.#pending = '';
    return pending;
  }
}

/** Looks through shadow roots, where the query editor lives. */
export function placeOf(event: Event): Place {
  const target = event.composedPath()[0];
  if (!(target instanceof HTMLElement)) return 'page';
  if (target.isContentEditable || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement)
    return 'text';
  if (target instanceof HTMLInputElement) {
    return ['checkbox', 'radio', 'button', 'range', 'file'].includes(target.type) ? 'control' : 'text';
  }
  const onControl = target.closest('button, a, summary, [role="option"], [role="tab"], [data-own-keys]');
  return onControl ? 'control' : 'page';
}
