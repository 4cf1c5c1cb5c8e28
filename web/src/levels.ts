/** The seven levels, least to most severe, each with a letter and a shape beside its colour. */

export const LEVELS = ['unset', 'trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;
export type Level = (typeof LEVELS)[number];

/** Drawn bottom to top: the worst on the baseline, where its shape can be read. */
export const STACK_ORDER: readonly Level[] = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'unset'];

interface LevelSign {
  letter: string;
  glyph: string;
  word: string;
}

const SIGNS: Record<Level, LevelSign> = {
  fatal: { letter: 'F', glyph: '◆', word: 'fatal' },
  error: { letter: 'E', glyph: '▲', word: 'error' },
  warn: { letter: 'W', glyph: '■', word: 'warning' },
  info: { letter: 'I', glyph: '●', word: 'info' },
  debug: { letter: 'D', glyph: '○', word: 'debug' },
  trace: { letter: 'T', glyph: '·', word: 'trace' },
  unset: { letter: '–', glyph: '–', word: 'no level' },
};

export function isLevel(text: unknown): text is Level {
  return typeof text === 'string' && (LEVELS as readonly string[]).includes(text);
}

export function levelOf(text: unknown): Level {
  return isLevel(text) ? text : 'unset';
}

export function signOf(level: Level): LevelSign {
  return SIGNS[level];
}
