interface Props {
  counts: readonly number[];
  /** Drawn behind, on the same scale. */
  before?: readonly number[];
  label: string;
}

const WIDTH = 120;
const HEIGHT = 24;

/** Counts over time in the space of a word. */
export function Sparkline({ counts, before = [], label }: Props) {
  const most = Math.max(1, ...counts, ...before);
  return (
    <svg
      className="sparkline"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      width={WIDTH}
      height={HEIGHT}
      role="img"
      aria-label={label}
    >
      {before.length > 0 && <path className="sparkline-before" d={line(before, most)} />}
      <path className="sparkline-area" d={`${line(counts, most)}L${WIDTH} ${HEIGHT}L0 ${HEIGHT}Z`} />
      <path className="sparkline-line" d={line(counts, most)} />
    </svg>
  );
}

/** One point a step; a single step is a level line. */
export function line(counts: readonly number[], most: number): string {
  const points = counts.length === 1 ? [counts[0] ?? 0, counts[0] ?? 0] : counts;
  const step = WIDTH / Math.max(1, points.length - 1);
  return points
    .map(
      (count, place) =>
        `${place ? 'L' : 'M'}${round(place * step)} ${round(HEIGHT - 1 - (count / most) * (HEIGHT - 3))}`,
    )
    .join('');
}

const round = (value: number): number => Math.round(value * 10) / 10;
