/** Small edits of a query's text, made by clicks: add a filter, find the search part. */

/** Pipes after which a row is no longer a log line. */
const AGGREGATING = new Set(['stats', 'timechart', 'top', 'rare', 'patterns', 'compare', 'rootcause']);
/** Pipes that pick or reorder lines, so that a rank in the result is not a rank in time. */
const REORDERING = new Set(['sort', 'head', 'tail', 'limit', 'dedup', 'similar']);

/** What stands where a text is quoted, a regular expression or escaped, and where it is in brackets. */
const [QUOTED, BRACKETED] = ['"', '('] as const;
const CLOSING: Record<string, string> = { '(': ')', '[': ']}', '{': '}]' };

/** A text of the same length, with `"` for all that is quoted and `(` for all in brackets; the rest is as it was.
 * `behindBar`: it is no search but what follows one, where `'` and backquotes quote too. */
export function masked(text: string, behindBar = false): string {
  const open: string[] = [];
  let pipes = behindBar;
  let quote = '';
  let mask = '';
  for (let i = 0; i < text.length; i++) {
    const character = text[i] as string;
    const outside = open.length === 0;
    const hidden = outside ? QUOTED : BRACKETED;
    if (character === '\\' && i + 1 < text.length) {
      mask += hidden + hidden;
      i += 1;
    } else if (quote) {
      if (character === quote) quote = '';
      mask += hidden;
    } else if (
      character === '"' ||
      (pipes && (character === "'" || character === '`')) ||
      (character === '/' && opensRegex(text, i))
    ) {
      quote = character;
      mask += hidden;
    } else if (character === '(' || character === '[' || (character === '{' && /^\{[^{}|]* to /i.test(text.slice(i)))) {
      open.push(character);
      mask += BRACKETED;
    } else if (!outside && CLOSING[open.at(-1) as string]?.includes(character)) {
      open.pop();
      mask += BRACKETED;
    } else {
      if (character === '|' && outside) pipes = true;
      mask += outside ? character : BRACKETED;
    }
  }
  return mask;
}

/** The parts of a text between these characters, where they are neither quoted nor in brackets. */
export function splitOutside(text: string, separator: string, behindBar = false): string[] {
  let end = 0;
  return masked(text, behindBar)
    .split(separator)
    .map((part) => {
      const start = end;
      end += part.length + separator.length;
      return text.slice(start, start + part.length).trim();
    });
}

/** Splits at `|` outside quotes, regular expressions and brackets. The first part is the search. */
export function splitPipes(query: string): string[] {
  return splitOutside(query, '|');
}

/** A slash begins a regular expression where a term can begin, and only if another slash ends that term. */
function opensRegex(query: string, at: number): boolean {
  const begins = at === 0 || /[\s:=(~]/.test(query[at - 1] as string);
  return begins && /^\/(?:[^/\\]|\\.)+\/(?=[\s()|,\]]|$)/s.test(query.slice(at));
}

function pipeWords(query: string): string[] {
  return splitPipes(query)
    .slice(1)
    .map((pipe) => /^\w+/.exec(pipe)?.[0].toLowerCase() ?? '');
}

/** `table`: rows are aggregates. `list`: lines in an order of their own. `lines`: every line, newest first. */
export function shapeOf(query: string): 'lines' | 'list' | 'table' {
  const words = pipeWords(query);
  if (words.some((word) => AGGREGATING.has(word))) return 'table';
  return words.some((word) => REORDERING.has(word)) ? 'list' : 'lines';
}

/** The query up to the first pipe that aggregates or reorders: what the histogram and the facets are about. */
export function linesPart(query: string): string {
  const parts = splitPipes(query);
  const words = pipeWords(query);
  const cut = words.findIndex((word) => AGGREGATING.has(word) || REORDERING.has(word));
  return (cut < 0 ? parts : parts.slice(0, cut + 1)).join(' | ');
}

/** A value as HQL writes it: bare when plain, else quoted. */
export function quoteValue(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return String(value);
  const text = String(value);
  const plain = /^[\p{L}\p{N}_][\p{L}\p{N}_.@-]*$/u.test(text) && !/^(and|or|not)$/i.test(text);
  return plain ? text : quoted(text);
}

/** A text in quotation marks, as HQL writes it. */
export function quoted(text: string): string {
  return `"${text.replace(/[\\"]/g, '\\$&')}"`;
}

export function quoteField(field: string): string {
  const plain = /^[\p{L}_@][\p{L}\p{N}_.@-]*$/u.test(field) && !/^(and|or|not)$/i.test(field);
  return plain ? field : quoted(field);
}

export function filterClause(field: string, value: unknown, how: 'for' | 'out' = 'for'): string {
  const clause = `${quoteField(field)}:${quoteValue(value)}`;
  return how === 'out' ? `not ${clause}` : clause;
}

/** And-s a clause to the search part; pipes stay. Adding what is there already changes nothing. */
export function addClause(query: string, clause: string): string {
  const [search = '', ...pipes] = splitPipes(query);
  const rest = pipes.map((pipe) => ` | ${pipe}`).join('');
  if (search === '' || search === '*') return clause + rest;
  if (` ${search} `.includes(` ${clause} `)) return query;
  const grouped = /\bor\b/i.test(withoutQuotes(search)) ? `(${search})` : search;
  return `${grouped} ${clause}${rest}`;
}

/** Adds `field:value` (or its negation), taking the opposite filter out when it is there. */
export function addFilter(query: string, field: string, value: unknown, how: 'for' | 'out' | 'only'): string {
  if (how === 'only') return filterClause(field, value);
  const [search = '', ...pipes] = splitPipes(query);
  const negated = filterClause(field, value, 'out');
  const opposite = how === 'for' ? negated : filterClause(field, value);
  let kept = ` ${search} `;
  if (how === 'for') kept = kept.replace(` ${opposite} `, ' ');
  else if (!kept.includes(` ${negated} `)) kept = kept.replace(` ${opposite} `, ' ');
  const cleaned = [kept.trim(), ...pipes].join(' | ');
  return addClause(cleaned, filterClause(field, value, how));
}

function withoutQuotes(text: string): string {
  return text.replace(/"(?:\\.|[^"\\])*"/g, '""').replace(/\([^()]*\)/g, '()');
}

/** Search part and-ed with a condition, without any pipes that reorder: for "next error", context and the like. */
export function narrowed(query: string, clause: string): string {
  return addClause(linesPart(query), clause);
}
