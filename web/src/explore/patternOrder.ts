/** Which patterns come first. */

export const PATTERN_ORDERS = [
  ['frequent', 'Most frequent'],
  ['rare', 'Rarest'],
  ['new', 'Newest'],
  ['errors', 'Most errors'],
] as const;

export type PatternOrder = (typeof PATTERN_ORDERS)[number][0];

/** What so many patterns are of all there are. */
export const SHOWN_OF: Record<PatternOrder, (shown: string) => string> = {
  frequent: (shown) => `the ${shown} most frequent`,
  rare: (shown) => `the ${shown} rarest`,
  new: (shown) => `the ${shown} newest`,
  errors: (shown) => `the ${shown} with the most errors`,
};
