import { displayKeys } from '../keymap/bindings';

/** Keys of a shortcut, each in its own cap. */
export function Kbd({ keys }: { keys: string }) {
  const caps = displayKeys(keys).split(' ');
  return (
    <span className="kbds">
      {caps.map((cap, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the same cap may come twice (g g)
        <kbd key={i}>{cap}</kbd>
      ))}
    </span>
  );
}
