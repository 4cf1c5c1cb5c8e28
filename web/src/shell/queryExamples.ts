/** Queries that show the language; each is parsed by the real node in the browser tests. */
export const QUERY_EXAMPLES = [
  { query: 'timeout', means: 'the word anywhere in the message' },
  { query: '"card declined"', means: 'the exact phrase' },
  { query: 'service:payment level>=error', means: 'errors and worse of one service' },
  { query: 'service:(cart or checkout) not timeout', means: 'two services, without a word' },
  { query: 'duration_ms>500', means: 'a number, compared' },
  { query: 'message:/pool .* exhausted/', means: 'a regular expression' },
  { query: '* | stats count() as n by service | sort n desc', means: 'lines per service' },
  { query: 'level:error | timechart span=5m count() by service', means: 'errors over time' },
] as const;
