/** Kinds of findings: each has words, a shape and a colour, so that colour is never alone. */

export interface KindSign {
  /** In the filter and on the finding. */
  word: string;
  /** Closed outline in a 16 × 16 box. */
  shape: string;
  /** Suffix of the class that colours it. */
  tone: 'volume' | 'errors' | 'warnings' | 'problem' | 'message' | 'latency' | 'order' | 'plain';
}

const SIGNS = {
  errors: { word: 'more errors', shape: 'M8 2l6.5 11.5h-13z', tone: 'errors' },
  new_error: { word: 'new problem', shape: 'M8 1.5L14.5 8 8 14.5 1.5 8z', tone: 'problem' },
  warnings: { word: 'more warnings', shape: 'M2.5 2.5h11v11h-11z', tone: 'warnings' },
  volume_up: { word: 'more records', shape: 'M8 1.5l5.5 6h-3v7h-5v-7h-3z', tone: 'volume' },
  volume_down: { word: 'fewer records', shape: 'M8 14.5l5.5-6h-3v-7h-5v7h-3z', tone: 'volume' },
  template_burst: {
    word: 'message burst',
    shape: 'M8 1l1.8 4.3 4.5-1.6-1.6 4.4L15 10l-4.2 1.2.2 3.8-3-2.6L5 15l.2-3.8L1 10l2.3-1.9-1.6-4.4 4.5 1.6z',
    tone: 'message',
  },
  new_template: { word: 'new message', shape: 'M6 2h4v4h4v4h-4v4H6v-4H2V6h4z', tone: 'message' },
  recurrence: {
    word: 'known symptom',
    shape: 'M8 1.5l6.5 6.5-3.2 3.2L8 8l-3.3 3.2L1.5 8zM4.7 11.2h6.6v3H4.7z',
    tone: 'problem',
  },
  latency: { word: 'slower', shape: 'M2.5 2h11L9.5 8l4 6h-11l4-6z', tone: 'latency' },
  rare_value: { word: 'rare value', shape: 'M8 1.5L14.5 6.3 12 14H4L1.5 6.3z', tone: 'message' },
  order: { word: 'unusual order', shape: 'M3 1.5h10L9.8 6.3 14 8l-9.5 6.5L7 9 2 7.6z', tone: 'order' },
  mix: { word: 'unusual mix', shape: 'M5 1.8h6L14.5 8 11 14.2H5L1.5 8z', tone: 'plain' },
  missed_run: { word: 'missed run', shape: 'M8 1.5a6.5 6.5 0 1 0 .01 0zM7 4h2v4.5h-2z', tone: 'plain' },
  silence: { word: 'silence', shape: 'M1.5 6h13v4h-13z', tone: 'plain' },
} as const satisfies Record<string, KindSign>;

/** As the API names them, in the order in which the filter lists them. */
export const KINDS = Object.keys(SIGNS) as (keyof typeof SIGNS)[];

export function isKind(text: string): text is keyof typeof SIGNS {
  return text in SIGNS;
}

/** A newer node may know more kinds than this page: they are shown by their own names. */
export function kindSign(kind: string): KindSign {
  return isKind(kind) ? SIGNS[kind] : { word: kind.replaceAll('_', ' '), shape: SIGNS.mix.shape, tone: 'plain' };
}
