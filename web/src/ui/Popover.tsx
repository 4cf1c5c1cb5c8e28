import { type ReactNode, useLayoutEffect, useRef } from 'react';
import { useCommands } from '../app/commands';

interface Props {
  open: boolean;
  onClose(): void;
  /** The button that opens it, with `aria-expanded`. */
  trigger: ReactNode;
  label: string;
  align?: 'start' | 'end';
  children: ReactNode;
}

/** A panel below its trigger. Closes on Escape, on a press outside and when the focus leaves; gives the focus back. */
export function Popover({ open, onClose, trigger, label, align = 'start', children }: Props) {
  const root = useRef<HTMLDivElement>(null);
  const panel = useRef<HTMLDivElement>(null);

  useCommands({ close: () => (open ? onClose() : false) });

  useLayoutEffect(() => {
    if (!open) return;
    const before = document.activeElement;
    const first = panel.current?.querySelector<HTMLElement>('[aria-pressed="true"], input, button');
    first?.focus();
    const outside = (event: PointerEvent) => {
      if (!root.current?.contains(event.target as Node)) onClose();
    };
    document.addEventListener('pointerdown', outside);
    return () => {
      document.removeEventListener('pointerdown', outside);
      if (before instanceof HTMLElement && root.current?.contains(document.activeElement)) before.focus();
    };
  }, [open, onClose]);

  return (
    <div className="popover-root" ref={root}>
      {trigger}
      {open && (
        <div className={`popover popover-${align}`} role="dialog" aria-label={label} ref={panel}>
          {children}
        </div>
      )}
    </div>
  );
}
