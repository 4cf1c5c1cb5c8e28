import { useEffect } from 'react';
import { useNotice } from './notice';

const SHOWN_MS = 4_000;
/** Long enough to read, to think, and to reach the button. */
const UNDO_MS = 12_000;

export function Notice() {
  const { text, undo, serial } = useNotice();
  useEffect(() => {
    if (serial === 0) return;
    const timer = setTimeout(() => useNotice.setState({ text: '', undo: undefined }), undo ? UNDO_MS : SHOWN_MS);
    return () => clearTimeout(timer);
  }, [serial, undo]);
  const takeBack = () => {
    useNotice.setState({ text: '', undo: undefined });
    undo?.();
  };
  return (
    <div className="notice" role="status" data-shown={text !== ''} data-undo={undo !== undefined}>
      {text}
      {undo && (
        <button type="button" className="link-button" onClick={takeBack}>
          Undo
        </button>
      )}
    </div>
  );
}
