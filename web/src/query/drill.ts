/** From a row of a grouped answer back to the lines it was made of: only where query and range can say exactly those. */

import type { Row } from '../api/types';
import { parseInstant } from '../time/instant';
import { absoluteText, type Range } from '../time/range';
import { masked, quoted, quoteField, splitOutside, splitPipes } from './edit';

/** The question whose answer is the lines behind a row. */
export interface LinesBehind {
  q: string;
  from: string;
  to: string;
}

export interface Drill {
  /** Columns of the keys the rows are grouped by. */
  columns: string[];
  /** The lines of a row; null where no question finds just them. */
  behind(row: Row): LinesBehind | null;
  /** The lines of all groups in the row's step of time; null where rows are not of one. */
  step(row: Row): LinesBehind | null;
}

/** A key: the field it is, or the step of `timestamp` in nanoseconds. */
type Key = { column: string } & ({ field: string } | { stepNs: bigint });

/** Pipes before the grouping one that choose no lines and change none. */
const IDLE = new Set(['sort', 'fields']);
/** Pipes behind it that keep rows whole and each row's groups as they are. */
const KEEPING = new Set(['sort', 'head', 'where', 'dedup']);
const JUDGED = ['expected', 'anomaly_score', 'anomaly'];

const UNIT_NS: Record<string, number> = {
  ns: 1,
  us: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
  d: 86_400e9,
  w: 604_800e9,
};
const WEEK_NS = BigInt(604_800e9);
/** 1970 began on a Thursday, weeks begin on Mondays. */
const FIRST_MONDAY_NS = BigInt(4 * 86_400e9);

/** Steps of a `timechart` without a span, as the node chooses them (`src/heimdall/query/pipes/timechart.py`). */
const STEPS_S = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 604_800,
];
const MOST_STEPS = 120;

/** How rows of this query's answer lead to their lines; null where it does not group, or by what is computed. */
export function drillOf(q: string, range: Range, rows: readonly Row[]): Drill | null {
  const [search = '', ...pipes] = splitPipes(q);
  const at = pipes.findIndex((pipe) => ['stats', 'timechart', 'top', 'rare'].includes(wordOf(pipe)));
  if (at < 0) return null;
  const keys = keysOf(pipes[at] as string, range);
  const computed = computedBy(pipes.slice(0, at));
  if (!keys?.length || !computed || keys.some((key) => computed.has('field' in key ? key.field : 'timestamp')))
    return null;
  if (!pipes.slice(at + 1).every((pipe) => keepsGroups(pipe, keys))) return null;

  const kept = pipes.slice(0, at).filter((pipe) => !IDLE.has(wordOf(pipe)));
  const alike = new Map<string, number>();
  for (const row of rows) alike.set(likeness(row, keys), (alike.get(likeness(row, keys)) ?? 0) + 1);
  const lines = (row: Row, wanted: Key[]): LinesBehind | null => {
    const clauses: string[] = [];
    let { from, to } = range;
    for (const key of wanted) {
      const value = row[key.column];
      if ('field' in key) {
        const clause = clauseOf(key.field, value);
        if (clause === null) return null;
        clauses.push(clause);
      } else {
        const start = typeof value === 'string' ? parseInstant(value) : null;
        if (start === null || !beginsStep(start, key.stepNs)) return null;
        from = from === null || start > from ? start : from;
        to = to === null || start + key.stepNs < to ? start + key.stepNs : to;
      }
    }
    return { q: [allOf(search, clauses), ...kept].join(' | '), ...absoluteText({ from, to }) };
  };
  const times = keys.filter((key) => 'stepNs' in key);
  return {
    columns: keys.map(({ column }) => column),
    behind: (row) => (alike.get(likeness(row, keys)) === 1 ? lines(row, keys) : null),
    step: (row) => (times.length > 0 ? lines(row, times) : null),
  };
}

function wordOf(pipe: string): string {
  return /^\w+/.exec(pipe)?.[0].toLowerCase() ?? '';
}

function restOf(pipe: string): string {
  return pipe.replace(/^\w+\s*/, '');
}

/** The keys of a grouping pipe; null where one of them is neither a field nor a step of time. */
function keysOf(pipe: string, range: Range): Key[] | null {
  const rest = restOf(pipe);
  const word = wordOf(pipe);
  if (word === 'top' || word === 'rare') return columnsOf(rest.replace(/^\d+\b\s*/, '').replace(/^by\s+/i, ''));
  const places = [...masked(rest, true).matchAll(/\bby\b/gi)];
  if (places.length > 1) return null;
  const by = places[0] === undefined ? [] : columnsOf(rest.slice(places[0].index + 2));
  if (word === 'stats' || by === null) return by;
  const span = /^span\s*=\s*([\w.]+)/i.exec(rest)?.[1];
  const stepNs = span === undefined ? usualStepNs(range) : durationNs(span);
  return stepNs === null ? null : [{ column: 'timestamp', stepNs }, ...by];
}

function columnsOf(text: string): Key[] | null {
  const keys: Key[] = [];
  for (const part of splitOutside(text, ',', true)) {
    const [, expression = '', alias] = /^(.*?)(?:\s+as\s+(\S+|`[^`]*`))?$/is.exec(part) ?? [];
    const step = /^bin\s*\(\s*(?:timestamp\s*,\s*)?([\w.]+)\s*\)$/i.exec(expression)?.[1];
    const field = step === undefined ? fieldOf(expression) : 'timestamp';
    const column = alias === undefined ? field : fieldOf(alias);
    if (field === null || column === null) return null;
    const stepNs = step === undefined ? 1n : durationNs(step);
    if (stepNs === null) return null;
    keys.push(field === 'timestamp' ? { column, stepNs } : { column, field });
  }
  return keys;
}

/** The name a field has in an expression; null where that is not just a field. */
function fieldOf(expression: string): string | null {
  const inBackquotes = /^`([^`\\]+)`$/.exec(expression);
  if (inBackquotes) return inBackquotes[1] as string;
  const plain = /^[\p{L}_@][\p{L}\p{N}_@.]*$/u.test(expression) && !/^(true|false|null|not)$/i.test(expression);
  return plain ? expression : null;
}

/** `5m`, `1h30m`, `1.5s`; null where it is not of whole nanoseconds. */
function durationNs(text: string): bigint | null {
  if (!/^(?:\d+(?:\.\d+)?(?:ns|us|ms|[smhdw]))+$/.test(text)) return null;
  let sum = 0;
  for (const [, amount, unit] of text.matchAll(/([\d.]+)(ns|us|ms|[smhdw])/g))
    sum += Number(amount) * (UNIT_NS[unit as string] as number);
  return Number.isSafeInteger(sum) && sum > 0 ? BigInt(sum) : null;
}

function usualStepNs({ from, to }: Range): bigint | null {
  if (from === null || to === null || to <= from) return null;
  const seconds = Number(to - from) / 1e9;
  return BigInt(STEPS_S.find((step) => seconds / step <= MOST_STEPS) ?? (STEPS_S.at(-1) as number)) * 1_000_000_000n;
}

function beginsStep(start: bigint, stepNs: bigint): boolean {
  return (start - (stepNs % WEEK_NS === 0n ? FIRST_MONDAY_NS : 0n)) % stepNs === 0n;
}

/** Names that pipes before the grouping one compute; null where they do more than that and choosing by a condition. */
function computedBy(pipes: string[]): Set<string> | null {
  const names = new Set<string>();
  for (const pipe of pipes) {
    const word = wordOf(pipe);
    if (word === 'extend') {
      const set = assignedBy(pipe);
      if (!set) return null;
      for (const name of set) names.add(name);
    } else if (word === 'parse') {
      for (const [, name] of pipe.matchAll(/<([^<>]*)>/g)) names.add((name as string).trim());
    } else if (word !== 'where' && !IDLE.has(word)) return null;
  }
  return names;
}

function assignedBy(extend: string): string[] | null {
  const names = splitOutside(restOf(extend), ',', true).map((part) => {
    const name = /^(\S+?|`[^`]*`)\s*=(?!=)/.exec(part)?.[1];
    return name === undefined ? null : fieldOf(name);
  });
  return names.every((name) => name !== null) ? names : null;
}

/** Whether every row behind the pipe still has the values of its groups. */
function keepsGroups(pipe: string, keys: Key[]): boolean {
  const word = wordOf(pipe);
  const isKey = (name: string) => keys.some(({ column }) => column === name);
  if (word === 'anomalies') return !JUDGED.some(isKey);
  if (word === 'extend') return assignedBy(pipe)?.every((name) => !isKey(name)) ?? false;
  if (word !== 'fields') return KEEPING.has(word);
  const rest = restOf(pipe);
  const without = rest.startsWith('-');
  const names = splitOutside(without ? rest.slice(1) : rest, ',', true).map(fieldOf);
  return !names.includes(null) && keys.every(({ column }) => names.includes(column) !== without);
}

/** The condition that a field has this value; null where the search has no words for it. */
function clauseOf(field: string, value: unknown): string | null {
  const name = quoteField(field);
  if (value === undefined || value === null) return `not ${name}:*`;
  if (typeof value === 'boolean' || typeof value === 'bigint') return `${name}:${value}`;
  // The search reads what JavaScript writes with an exponent otherwise.
  if (typeof value === 'number') return /e/.test(String(value)) ? null : `${name}:${value}`;
  if (typeof value !== 'string') return null;
  // `message:x` looks for a word; `=` compares all of it.
  if (field === 'message') return `${name}=${quoted(value)}`;
  const plain = /^[\p{L}_][\p{L}\p{N}_.-]*$/u.test(value) && !/^(and|or|not|in|to|now|true|false|null)$/i.test(value);
  return `${name}:${plain ? value : quoted(value)}`;
}

/** The same for rows that a search cannot tell apart: `200` and `"200.0"` in a field of a sender. */
function likeness(row: Row, keys: Key[]): string {
  return JSON.stringify(
    keys.map(({ column }) => {
      const value = row[column];
      if (value === undefined || value === null) return null;
      const text = String(value);
      return text.trim() !== '' && Number.isFinite(Number(text)) ? `number ${Number(text)}` : text;
    }),
  );
}

/** The search and-ed with conditions. One that is there already is not said twice. */
function allOf(search: string, clauses: string[]): string {
  if (search === '' || search === '*') return clauses.join(' ');
  const terms = termsOf(search);
  const isAlternative = /\bor\b/i.test(masked(search));
  const said = (clause: string) =>
    !isAlternative && terms.some((term, i) => term === clause && !/^(?:not|-)$/i.test(terms[i - 1] ?? ''));
  return [isAlternative && clauses.length > 0 ? `(${search})` : search, ...clauses.filter((c) => !said(c))].join(' ');
}

function termsOf(search: string): string[] {
  return [...masked(search).matchAll(/\S+/g)].map(({ 0: { length }, index }) => search.slice(index, index + length));
}
