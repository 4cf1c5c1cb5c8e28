/** Calls of the node's API. Every function rejects with `ApiError` or `Unreachable`, or `AbortError` when told to stop. */

import type { PatternOrder } from '../explore/patternOrder';
import { ApiError, apiError, Unreachable } from './errors';
import { parseExact } from './exactJson';
import type {
  ActionRun,
  ActionsAnswer,
  Alert,
  BackTest,
  CompareAnswer,
  CompleteAnswer,
  DemoState,
  Envelope,
  Facet,
  FeedbackAnswer,
  FieldInfo,
  Finding,
  FindingAnswer,
  FindingCount,
  FindingsAnswer,
  HistogramAnswer,
  Incident,
  IncidentDetail,
  IngestAnswer,
  NodeInfo,
  OnCallSchedule,
  ParseAnswer,
  PatternsAnswer,
  PushOffer,
  QueryParams,
  Row,
  Rule,
  Sender,
  Silence,
  TemplateDetail,
  Verdict,
} from './types';

const BASE = '/api/v1';
/** Longer queries travel as the body of a POST. */
const LONGEST_URL = 4_000;

type Params = Record<string, string | number | undefined>;

/** `fetch` of JSON, whose failures are `Unreachable`, but for those that its own signal wanted. */
export async function reach(input: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(input, { ...init, headers: { Accept: 'application/json', ...init.headers } });
  } catch (cause) {
    if (init.signal?.aborted) throw cause;
    throw new Unreachable();
  }
}

async function call(input: string, init: RequestInit): Promise<unknown> {
  const response = await reach(input, init);
  const text = await response.text();
  const body = parseJson(text);
  if (!response.ok) throw apiError(response.status, response.headers, body);
  if (body === undefined && text !== '')
    throw new ApiError('the node answered something that is no JSON', 502, 'bad_answer');
  return body;
}

function parseJson(text: string): unknown {
  try {
    return parseExact(text);
  } catch {
    return undefined;
  }
}

function ask<T>(route: string, params: Params, signal?: AbortSignal): Promise<T> {
  const given = Object.entries(params).filter((pair): pair is [string, string | number] => pair[1] !== undefined);
  const query = new URLSearchParams(given.map(([key, value]) => [key, String(value)])).toString();
  const url = `${BASE}/${route}`;
  const answer =
    query.length <= LONGEST_URL
      ? call(query ? `${url}?${query}` : url, { signal })
      : call(url, {
          method: 'POST',
          signal,
          body: JSON.stringify(Object.fromEntries(given)),
          headers: { 'Content-Type': 'application/json' },
        });
  return answer as Promise<T>;
}

export interface SearchParams extends QueryParams {
  limit?: number;
  rank?: number;
  cursor?: string;
  query_id?: string;
}

export function search(params: SearchParams, signal?: AbortSignal): Promise<Envelope<Row[]>> {
  return ask('search', { ...params }, signal);
}

/** A bucket without lines may come without `counts`. */
export async function histogram(
  params: QueryParams & { buckets?: number; query_id?: string },
  signal?: AbortSignal,
): Promise<HistogramAnswer> {
  const answer = await ask<HistogramAnswer>('histogram', { ...params }, signal);
  return { ...answer, data: answer.data.map((bucket) => ({ ...bucket, counts: bucket.counts ?? {} })) };
}

export function facets(
  params: QueryParams & { fields?: string; limit?: number },
  signal?: AbortSignal,
): Promise<Envelope<Facet[]>> {
  return ask('facets', { ...params }, signal);
}

export function fields(params: QueryParams, signal?: AbortSignal): Promise<Envelope<FieldInfo[]>> {
  return ask('fields', { ...params }, signal);
}

export function patterns(
  params: QueryParams & { limit?: number; buckets?: number; order?: PatternOrder },
  signal?: AbortSignal,
): Promise<PatternsAnswer> {
  return ask('patterns', { ...params }, signal);
}

export function template(
  id: number,
  params: QueryParams & { values?: number },
  signal?: AbortSignal,
): Promise<Envelope<TemplateDetail>> {
  return ask(`templates/${id}`, { ...params }, signal);
}

export function labelTemplate(id: number, label: { name: string; owner: string }): Promise<unknown> {
  return call(`${BASE}/templates/${id}`, {
    method: 'PUT',
    body: JSON.stringify(label),
    headers: { 'Content-Type': 'application/json' },
  });
}

export interface CompareParams extends QueryParams {
  baseline_from?: string;
  baseline_to?: string;
  /** Without the fields, which take most of the time. */
  parts?: 'patterns';
}

export function compare(params: CompareParams, signal?: AbortSignal): Promise<CompareAnswer> {
  return ask('compare', { ...params }, signal);
}

/** `parse` answers either bare or inside an envelope's `data`. */
export async function parse(q: string, signal?: AbortSignal): Promise<ParseAnswer> {
  const answer = await ask<ParseAnswer | { data: ParseAnswer }>('parse', { q }, signal);
  return 'data' in answer ? answer.data : answer;
}

export function complete(
  params: QueryParams & { cursor: number; limit?: number },
  signal?: AbortSignal,
): Promise<CompleteAnswer> {
  return ask('complete', { ...params }, signal);
}

/** Best effort: the query may have ended by itself. */
export function cancelQuery(queryId: string): void {
  void fetch(`${BASE}/queries/${encodeURIComponent(queryId)}`, { method: 'DELETE', keepalive: true }).catch(() => {});
}

export function nodeInfo(signal?: AbortSignal): Promise<NodeInfo> {
  return ask('node', {}, signal);
}

export function sources(signal?: AbortSignal): Promise<Envelope<Sender[]>> {
  return ask('sources', {}, signal);
}

export function startDemo(): Promise<DemoState> {
  return call(`${BASE}/demo`, { method: 'POST' }) as Promise<DemoState>;
}

export function sendLogs(body: Blob | string, contentType: string, contentEncoding?: string): Promise<IngestAnswer> {
  const headers: Record<string, string> = { 'Content-Type': contentType };
  if (contentEncoding) headers['Content-Encoding'] = contentEncoding;
  return call(`${BASE}/logs`, { method: 'POST', body, headers }) as Promise<IngestAnswer>;
}

export interface FindingsParams {
  from?: string;
  to?: string;
  service?: string;
  kind?: string;
  limit?: number;
}

export function findings(params: FindingsParams, signal?: AbortSignal): Promise<FindingsAnswer> {
  return ask('findings', { ...params }, signal);
}

export function findingCounts(
  params: Omit<FindingsParams, 'limit'> & { step_s: number },
  signal?: AbortSignal,
): Promise<Envelope<FindingCount[]>> {
  return ask('findings/counts', { ...params }, signal);
}

export function finding(id: string, signal?: AbortSignal): Promise<FindingAnswer> {
  return ask(`findings/${encodeURIComponent(id)}`, {}, signal);
}

/** Sends `body` as JSON. */
function post<T>(route: string, body: unknown, signal?: AbortSignal, headers: Record<string, string> = {}): Promise<T> {
  return call(`${BASE}/${route}`, {
    method: 'POST',
    signal,
    body: JSON.stringify(body),
    headers: { 'Content-Type': 'application/json', ...headers },
  }) as Promise<T>;
}

export function judge(finding: Finding['id'], verdict: Verdict): Promise<FeedbackAnswer> {
  return post('feedback', { finding, verdict });
}

export function incidents(
  state: 'open' | undefined,
  limit: number,
  signal?: AbortSignal,
): Promise<Envelope<Incident[]>> {
  return ask('incidents', { state, limit }, signal);
}

export function incident(id: string, signal?: AbortSignal): Promise<IncidentDetail> {
  return ask(`incidents/${encodeURIComponent(id)}`, {}, signal);
}

export function actOnIncident(
  id: string,
  action: 'acknowledge' | 'resolve' | 'comment',
  text = '',
): Promise<IncidentDetail> {
  return post(`incidents/${encodeURIComponent(id)}`, { action, text });
}

export function actionRuns(incident: string, signal?: AbortSignal): Promise<ActionsAnswer> {
  return ask('actions', { incident }, signal);
}

export type ActionWord = 'approve' | 'reject' | 'undo';

/** `token`: of the node's `[approval]`; empty where it has none. */
export function decideAction(id: string, word: ActionWord, author: string, token: string): Promise<ActionRun> {
  const authorization: Record<string, string> = token ? { Authorization: `Bearer ${token}` } : {};
  return post(`actions/${encodeURIComponent(id)}/${word}`, { author }, undefined, authorization);
}

export interface AlertsParams {
  state?: 'open';
  service?: string;
  rule?: string;
  limit?: number;
}

export function alerts(params: AlertsParams, signal?: AbortSignal): Promise<Envelope<Alert[]>> {
  return ask('alerts', { ...params }, signal);
}

export function silences(signal?: AbortSignal): Promise<Envelope<Silence[]>> {
  return ask('silences', {}, signal);
}

/** `to`: RFC 3339, or a duration from now such as `2h`. */
export function silence(matchers: Record<string, string>, to: string, comment: string): Promise<Silence> {
  return post('silences', { matchers, to, comment });
}

export function endSilence(id: string): Promise<unknown> {
  return call(`${BASE}/silences/${encodeURIComponent(id)}`, { method: 'DELETE' });
}

export function onCall(signal?: AbortSignal): Promise<Envelope<OnCallSchedule[]>> {
  return ask('oncall', {}, signal);
}

export function pushOffer(signal?: AbortSignal): Promise<PushOffer> {
  return ask('push', {}, signal);
}

export function subscribe(channel: string, subscription: PushSubscriptionJSON): Promise<{ id: string }> {
  return post('push/subscriptions', { channel, ...subscription });
}

export function unsubscribe(id: string): Promise<unknown> {
  return call(`${BASE}/push/subscriptions/${encodeURIComponent(id)}`, { method: 'DELETE' });
}

export function rules(signal?: AbortSignal): Promise<Envelope<Rule[]>> {
  return ask('rules', {}, signal);
}

export function keepRule(rule: Rule): Promise<{ kept: string[] }> {
  return post('rules', rule);
}

export function deleteRule(id: string): Promise<unknown> {
  return call(`${BASE}/rules/${encodeURIComponent(id)}`, { method: 'DELETE' });
}

export function testRule(rule: Rule, from: string, signal?: AbortSignal): Promise<BackTest> {
  return post('rules/test', { rule, from, to: 'now' }, signal);
}

export function tailUrl(q: string): string {
  return `${BASE}/tail${q ? `?${new URLSearchParams({ q })}` : ''}`;
}
