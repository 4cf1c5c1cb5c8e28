import { useState } from 'react';
import { copyText } from './clipboard';
import { Icon } from './Icon';

/** Copies `text`; says so for a moment. With `children` it is a labelled button, without an icon button. */
export function CopyButton({ text, label, children }: { text: string; label: string; children?: string }) {
  const [done, setDone] = useState(false);
  const copy = async () => {
    if (!(await copyText(text))) return;
    setDone(true);
    setTimeout(() => setDone(false), 1_500);
  };
  return (
    <button
      type="button"
      className={children ? 'button' : 'icon-button'}
      onClick={copy}
      aria-label={children ? undefined : label}
      title={label}
    >
      <Icon name={done ? 'check' : 'copy'} />
      {children && <span>{done ? 'Copied' : children}</span>}
    </button>
  );
}
