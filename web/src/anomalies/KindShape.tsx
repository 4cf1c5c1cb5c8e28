import { kindSign } from './kinds';

/** Shape and colour of a kind; filled when critical, hollow when degraded. Decorative: the words stand beside it. */
export function KindShape({ kind, state, size = 14 }: { kind: string; state: string; size?: number }) {
  const { shape, tone } = kindSign(kind);
  return (
    <svg
      className={`kind-shape tone-${tone}`}
      data-state={state}
      width={size}
      height={size}
      viewBox="0 0 16 16"
      aria-hidden="true"
      focusable="false"
    >
      <path d={shape} />
    </svg>
  );
}
