/** Who answers a command now: components register, the one mounted last is asked first. */

import { useEffect, useRef } from 'react';
import { flushSync } from 'react-dom';
import { BINDINGS, type Command } from '../keymap/bindings';
import { Matcher, placeOf } from '../keymap/matcher';
import { useSettings } from '../settings/store';

/** Returning `false` passes the command on to whoever registered before. */
export type Handler = (key: string) => unknown;
export type Handlers = Partial<Record<Command, Handler>>;

const registered: { current: Handlers }[] = [];

export function useCommands(handlers: Handlers): void {
  const latest = useRef(handlers);
  latest.current = handlers;
  useEffect(() => {
    registered.push(latest);
    return () => {
      registered.splice(registered.indexOf(latest), 1);
    };
  }, []);
}

/** Whether anybody answers `command` on the page as it is. */
export function isAvailable(command: Command): boolean {
  return registered.some((entry) => entry.current[command]);
}

/** Runs a command as if its key had been pressed; false when nobody took it. */
export function runCommand(command: Command, key: string = BINDINGS[command].keys[0]): boolean {
  for (let i = registered.length - 1; i >= 0; i--) {
    const handler = registered[i]?.current[command];
    if (handler && handler(key) !== false) return true;
  }
  return false;
}

/** Listens to the keyboard; call once. Returns the way to stop. */
export function listenToKeys(): () => void {
  const matcher = new Matcher();
  const onKey = (event: KeyboardEvent) => {
    if (event.isComposing || event.defaultPrevented || document.querySelector('dialog:modal')) return;
    const match = matcher.press(event, placeOf(event), useSettings.getState().singleKeys);
    if (!match) return;
    // At once, so that what is typed next already finds the dialog or the field that this key opens.
    const taken = flushSync(() => runCommand(match.command, match.key));
    if (taken) event.preventDefault();
  };
  document.addEventListener('keydown', onKey);
  return () => document.removeEventListener('keydown', onKey);
}
