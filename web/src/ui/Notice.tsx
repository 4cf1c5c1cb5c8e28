import { useEffect } from 'react';
import { useNotice } from './notice';

const SHOWN_MS = 4_000;

export function Notice() {
  const { text, serial } = useNotice();
  useEffect(() => {
    if (serial === 0) return;
    const timer = setTimeout(() => useNotice.setState({ text: '' }), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [serial]);
  return (
    <div className="notice" role="status" data-shown={text !== ''}>
      {text}
    </div>
  );
}
