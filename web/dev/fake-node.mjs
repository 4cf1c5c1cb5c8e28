// A stand-in for a node, for work on the pages only: rows are computed from their rank, so any number of them exist.
// node dev/fake-node.mjs [--port 7399] [--rows 1000000] [--static ../src/heimdall/api/static]

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';

const option = (name, fallback) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : process.argv[at + 1];
};
const PORT = Number(option('port', 7399));
const ROWS = Number(option('rows', 1_000_000));
const STATIC = option('static', '../src/heimdall/api/static');
const SPAN_MS = 24 * 3_600_000;
const START = Date.now();

const SERVICES = ['web', 'cart', 'payment', 'auth', 'search', 'catalog', 'shipping', 'mail'];
const LEVELS = [
  'info',
  'info',
  'info',
  'debug',
  'info',
  'info',
  'warn',
  'info',
  'info',
  'error',
  'info',
  'debug',
  'trace',
];
const MESSAGES = [
  'GET /cart/items 200 in 12 ms',
  'payment authorised for order 48213, 39.90 EUR',
  'card declined by issuer: insufficient funds',
  'session refreshed for user u-1042',
  'slow query: SELECT * FROM orders WHERE customer_id = 991 took 812 ms',
  'cache miss for product 77213, loading from catalog',
  'java.lang.IllegalStateException: pool exhausted after 30000 ms\n\tat shop.Pool.take(Pool.java:88)\n\tat shop.Cart.load(Cart.java:41)',
  'connection to db-primary:5432 restored',
];

function hash(n) {
  let h = (n ^ 0x9e3779b9) >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b) >>> 0;
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35) >>> 0;
  return (h ^ (h >>> 16)) >>> 0;
}

function row(rank, from, to, total) {
  const ms = to - ((rank + 0.5) / total) * (to - from);
  const h = hash(Math.floor(ms));
  const time = `${new Date(ms).toISOString().slice(0, 23)}${String(h % 1_000_000).padStart(6, '0')}Z`;
  const hex = Math.floor(ms).toString(16).padStart(12, '0');
  return {
    id: `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-${String(rank).padStart(12, '0')}`,
    timestamp: time,
    observed_timestamp: time,
    level: LEVELS[h % LEVELS.length],
    severity_number: 9,
    service: SERVICES[(h >>> 4) % SERVICES.length],
    message: MESSAGES[(h >>> 8) % MESSAGES.length],
    template_id: (h >>> 8) % MESSAGES.length,
    trace_id: hash(h % 5000)
      .toString(16)
      .padStart(32, 'a'),
    user_id: `u-${h % 2000}`,
    duration_ms: (h % 9000) / 10,
    region: 'eu-central-1',
    'http.status_code': 200 + (h % 3) * 100,
  };
}

function bound(text, fallback) {
  if (!text || text === 'all') return fallback;
  if (text === 'now') return Date.now();
  return Date.parse(text);
}

const envelope = (data, extra = {}) => ({
  data,
  exact: true,
  error: null,
  scanned_rows: ROWS,
  tiers: ['hot'],
  took_ms: 7.4,
  partial: false,
  next: null,
  query_id: 'q',
  ...extra,
});

function answer(route, p, response) {
  const from = bound(p.from, START - SPAN_MS);
  const to = bound(p.to, Date.now());
  const q = p.q ?? '';
  const share = /level>=error/.test(q) ? 1 / 13 : /service:|level:/.test(q) ? 1 / 8 : 1;
  const total = /nothing/.test(q) ? 0 : Math.max(0, Math.round(((to - from) / SPAN_MS) * ROWS * share));
  if (/\($/.test(q) && (route === 'search' || route === 'histogram')) {
    response.statusCode = 400;
    return {
      error: {
        code: 'query_syntax',
        message: 'a bracket is open',
        hint: 'close it with )',
        column: q.length,
        length: 1,
        request_id: 'r-1',
      },
    };
  }
  switch (route) {
    case 'search': {
      if (/stats/.test(q))
        return envelope(SERVICES.map((service, i) => ({ service, n: 1000 - i * 77, avg: 1.25 * i })));
      const start = Number(p.rank ?? 0);
      const limit = Math.max(0, Math.min(Number(p.limit ?? 100), total - start));
      const rows = Array.from({ length: limit }, (_, i) => row(start + i, from, to, total));
      if (/level>=error/.test(q)) for (const r of rows) r.level = 'error';
      return envelope(rows);
    }
    case 'histogram': {
      const n = Number(p.buckets ?? 120);
      const width = (to - from) / n;
      const data = Array.from({ length: n }, (_, i) => {
        const sum = Math.round((total / n) * (0.7 + 0.3 * Math.sin(i / 9) + (hash(i) % 100) / 400));
        const error = Math.round(sum * (i > 70 && i < 84 ? 0.25 : 0.02));
        const warn = Math.round(sum * 0.05);
        const debug = Math.round(sum * 0.15);
        return {
          time: new Date(from + i * width).toISOString(),
          total: sum,
          counts: { error, warn, debug, info: sum - error - warn - debug },
        };
      });
      return envelope(data, {
        interval_ms: width,
        from: new Date(from).toISOString(),
        to: new Date(to).toISOString(),
        total,
      });
    }
    case 'facets': {
      const list = (p.fields ?? 'level,service,region,user_id,http.status_code').split(',');
      return envelope(
        list.map((field) => ({
          field,
          type: 'string',
          distinct: field === 'user_id' ? 2000 : 8,
          coverage: field === 'user_id' ? 0.6 : 1,
          values: (field === 'level'
            ? ['info', 'debug', 'warn', 'error', 'trace']
            : field === 'service'
              ? SERVICES.slice(0, 5)
              : ['eu-central-1', 'us-east-1']
          ).map((value, i) => ({ value, count: Math.round(total / (i * i * 2 + 2)) })),
        })),
      );
    }
    case 'fields':
      return envelope(
        ['service', 'level', 'trace_id', 'duration_ms', 'http.status_code', 'customer_id'].map((name) => ({
          name,
          type: 'string',
          coverage: 1,
          canonical: true,
          class: 'internal',
        })),
      );
    case 'parse':
      return /\($/.test(q)
        ? { ok: false, message: 'a bracket is open', column: q.length, length: 1, hint: 'close it with )' }
        : { ok: true, canonical: q, ast: {} };
    case 'complete': {
      const before = q.slice(0, Number(p.cursor ?? q.length));
      const word = /[\w.]*$/.exec(before)[0];
      const all = [
        ['service', 'field'],
        ['level', 'field'],
        ['message', 'field'],
        ['stats', 'pipe'],
        ['payment', 'value'],
        ['count', 'function'],
      ];
      return envelope(
        all
          .filter(([label]) => label.startsWith(word))
          .map(([label, kind]) => ({ label, kind, insert: label, detail: kind })),
        { replace_from: before.length - word.length, replace_to: before.length },
      );
    }
    case 'node':
      return {
        version: '0',
        url: '',
        ports: { http: PORT, otlp: 4318 },
        records: ROWS,
        started_at: '',
        demo: { running: false },
      };
    case 'demo':
      return { running: true };
    case 'logs':
      return { accepted: 1, rejected: 0, errors: [] };
    default:
      response.statusCode = 404;
      return { error: { code: 'not_found', message: 'no such route' } };
  }
}

function tail(response) {
  response.writeHead(200, { 'Content-Type': 'text/event-stream' });
  let sequence = 0;
  const send = (event, data) => response.write(`id: ${++sequence}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  const lines = setInterval(() => {
    const now = Date.now();
    send('lines', { rows: Array.from({ length: 20 }, (_, i) => row(i, now - 200, now, 20)).reverse() });
    if (sequence % 25 === 0)
      send('gap', { dropped: 1200, from: new Date(now - 2000).toISOString(), to: new Date(now).toISOString() });
  }, 200);
  const beat = setInterval(() => send('heartbeat', { time: new Date().toISOString(), rate: 100 }), 1000);
  response.on('close', () => {
    clearInterval(lines);
    clearInterval(beat);
  });
}

const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};

createServer(async (request, response) => {
  const url = new URL(request.url, 'http://x');
  const route = /^\/api\/v1\/(\w+)/.exec(url.pathname)?.[1];
  if (route === 'tail') return tail(response);
  if (route) {
    for await (const _ of request);
    const body = JSON.stringify(answer(route, Object.fromEntries(url.searchParams), response));
    response.setHeader('Content-Type', 'application/json');
    return response.end(body);
  }
  const path = normalize(url.pathname).replace(/^\/+/, '');
  const file = extname(path) ? path : 'index.html';
  try {
    const body = await readFile(join(STATIC, file));
    response.setHeader('Content-Type', TYPES[extname(file)] ?? 'application/octet-stream');
    response.setHeader(
      'Content-Security-Policy',
      "default-src 'self'; require-trusted-types-for 'script'; trusted-types push-worker",
    );
    response.end(body);
  } catch {
    response.statusCode = 404;
    response.end('not built');
  }
}).listen(PORT, '127.0.0.1', () => console.log(`http://127.0.0.1:${PORT}`));
