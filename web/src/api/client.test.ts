import { afterEach, expect, test, vi } from 'vitest';
import { histogram, parse, search } from './client';
import { ApiError, Unreachable } from './errors';

function answerWith(status: number, body: string, headers: Record<string, string> = {}) {
  const fetched = vi.fn(async (_url: string, _init?: RequestInit) => new Response(body, { status, headers }));
  vi.stubGlobal('fetch', fetched);
  return fetched;
}

afterEach(() => vi.unstubAllGlobals());

test('absent parameters are left out of the address', async () => {
  const fetched = answerWith(200, '{"data":[]}');
  await search({ q: 'service:cart', from: undefined, limit: 200, rank: 0 });
  expect(fetched.mock.calls[0]?.[0]).toBe('/api/v1/search?q=service%3Acart&limit=200&rank=0');
});

test('a query too long for an address travels as a body', async () => {
  const fetched = answerWith(200, '{"data":[]}');
  await histogram({ q: 'x'.repeat(5_000) });
  expect(fetched.mock.calls[0]?.[1]?.method).toBe('POST');
});

test('an error says where, why and how to mend it', async () => {
  const body = {
    error: { code: 'query_syntax', message: 'a bracket is open', hint: 'close it', column: 7, length: 1 },
  };
  answerWith(400, JSON.stringify(body), { 'X-Request-Id': 'r1' });
  const error = await search({ q: 'a (' }).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(ApiError);
  expect(error).toMatchObject({ status: 400, column: 7, hint: 'close it', requestId: 'r1', isQuerySyntax: true });
});

test('a proxy that answers with a page still gives an error with its status', async () => {
  answerWith(503, '<html>busy</html>', { 'Retry-After': '7' });
  expect(await search({ q: '' }).catch((e: unknown) => e)).toMatchObject({ status: 503, retryAfterS: 7 });
});

test('no answer at all is told apart', async () => {
  vi.stubGlobal('fetch', () => Promise.reject(new TypeError('failed')));
  expect(await search({ q: '' }).catch((e: unknown) => e)).toBeInstanceOf(Unreachable);
});

test('parse is read with or without an envelope', async () => {
  answerWith(200, '{"data":{"ok":true,"canonical":"a","ast":{}}}');
  expect(await parse('a')).toMatchObject({ ok: true });
  answerWith(200, '{"ok":false,"message":"m","column":1,"length":1}');
  expect(await parse('(')).toMatchObject({ ok: false, column: 1 });
});
