/** Shapes of the HTTP API, from docs/reference/api.md. */

export interface Envelope<T> {
  data: T;
  exact: boolean;
  /** ± bound of an estimate. */
  error: number | null;
  scanned_rows: number;
  tiers: string[];
  took_ms: number;
  partial: boolean;
  next: string | null;
  query_id: string;
  /** What may be wrong with a question that found nothing. */
  hint?: string;
  /** What `| similar` went by: frames, words, and meaning where a sentence model was asked. */
  compared_by?: string[];
}

/** A log record keyed by canonical names; a sender's other fields by their own dotted names. Or an aggregate's row. */
export type Row = Record<string, unknown>;

/** A row that is one log line. */
export interface Line extends Row {
  id: string;
  timestamp: string;
  level: string;
  message: string;
  service?: string;
  trace_id?: string;
}

export function isLine(row: Row | undefined): row is Line {
  return row !== undefined && typeof row.id === 'string' && typeof row.timestamp === 'string' && 'message' in row;
}

export interface Bucket {
  time: string;
  total: number;
  counts: Record<string, number>;
}

export interface HistogramAnswer extends Envelope<Bucket[]> {
  interval_ms: number;
  from: string;
  to: string;
  total: number;
}

export interface Facet {
  field: string;
  type: string;
  distinct: number;
  /** Share of the records that have the field, 0 … 1. */
  coverage: number;
  values: { value: unknown; count: number }[];
}

export interface FieldInfo {
  name: string;
  type: string;
  coverage: number;
  canonical: boolean;
  class: string;
}

export type ParseAnswer =
  | { ok: true; canonical: string; ast: unknown }
  | { ok: false; message: string; column: number; length: number; hint?: string | null };

export interface Completion {
  label: string;
  kind: 'field' | 'value' | 'pipe' | 'function' | 'keyword';
  insert: string;
  detail?: string;
}

export interface CompleteAnswer extends Envelope<Completion[]> {
  replace_from: number;
  replace_to: number;
}

export interface IngestAnswer {
  accepted: number;
  rejected: number;
  errors: { line: number; reason: string; excerpt: string }[];
}

export interface DemoState {
  running: boolean;
  /** `backfill` until a day is there, then `live`. */
  phase?: string;
  /** Share of the day that is there, 0 … 1. */
  done?: number;
}

export interface NodeInfo {
  version: string;
  url: string;
  ports: { http: number; otlp?: number };
  records: number;
  started_at: string;
  demo: DemoState;
}

/** A row of `GET /sources`. */
export interface Sender {
  name: string;
  title: string;
  file: string;
  snippet: string;
  on: boolean;
  /** Why nothing can come that way. */
  why: string | null;
  door: string;
  accepted: number;
  rejected: number;
}

export interface TailLines {
  rows: Line[];
}

export interface TailGap {
  dropped: number;
  from: string;
  to: string;
}

export interface TailHeartbeat {
  time: string;
  rate: number;
}

export interface QueryParams {
  q: string;
  from?: string;
  to?: string;
}

export type Verdict = 'useful' | 'noise' | 'expected';

/** One number of a finding's evidence and the band it was expected in; `null` where nothing is known. */
export interface Feature {
  name: string;
  observed: number | null;
  low: number | null;
  high: number | null;
  /** -log10 of how rarely it is as far off. */
  evidence: number;
  window_s: number;
}

export interface Finding {
  id: string;
  service: string;
  kind: string;
  state: string;
  statement: string;
  started: string;
  detected: string;
  evidence: number;
  features: Feature[];
  examples: string[];
  template_id: number | string;
  query: string;
  from: string;
  to: string;
  watched_s: number;
  /** 0 … 1. */
  confidence: number;
  /** The field whose value it is about, and since when it is known; empty and `null` where it is about none. */
  field: string;
  value: string;
  known_since: string | null;
  /** When the run was expected that is missing, and when it came last; `null` where it is about none. */
  expected: string | null;
  last_seen: string | null;
  verdict: Verdict | null;
}

export interface FindingsAnswer extends Envelope<Finding[]> {
  /** Whether anything is being judged (`detect.enabled`). */
  detection: boolean;
  /** Records before it are judged; `null` before the first. */
  judged_until: string | null;
}

/** Findings in one step of time. */
export interface FindingCount {
  from: string;
  count: number;
  /** Critical ones of them. */
  critical: number;
}

export interface FindingAnswer extends Envelope<Finding> {
  detection: boolean;
}

export interface FeedbackAnswer {
  finding: string;
  verdict: Verdict;
  muted: boolean;
  /** Powers of ten by which such a finding has to be rarer; `null` when muted. */
  extra_evidence: number | null;
}

export type Severity = 'P1' | 'P2' | 'P3';
export type AlertState = 'firing' | 'acknowledged' | 'resolved';

/** Where an incident stands in a policy. */
export interface Escalation {
  policy: string;
  began: string;
  /** Of the next step; `null`: there is none, `ended` says why. */
  due: string | null;
  round: number;
  /** Steps taken in this round. */
  step: number;
  steps: number;
  ended: string;
}

export interface PushOffer {
  /** The node's public key, base64url; `null` where there are no such channels. */
  key: string | null;
  channels: string[];
}

export interface Turn {
  /** Empty: nobody. */
  user: string;
  /** A layer's name, or `override`. */
  source: string;
  from: string;
  to: string;
}

export interface OnCallSchedule {
  schedule: string;
  timezone: string;
  user: string;
  source: string;
  channels: string[];
  /** `null`: for longer than the turns that were asked for. */
  until: string | null;
  turns: Turn[];
}

export interface Incident {
  id: string;
  title: string;
  severity: Severity;
  state: AlertState;
  services: string[];
  /** Whose its alerts are. */
  owners: string[];
  rules: string[];
  alerts: number;
  open_alerts: number;
  /** Gathers what begins while too many incidents do. */
  storm: boolean;
  channels: string[];
  escalations: Escalation[];
  opened: string;
  updated: string;
  resolved: string | null;
  acknowledged_by: string;
}

/** A rule, or a detector, and one combination of values. */
export interface Alert {
  key: string;
  /** `detector.<kind>` when detection made it. */
  rule: string;
  title: string;
  severity: Severity;
  state: AlertState;
  labels: Record<string, string>;
  service: string;
  statement: string;
  records: number;
  examples: string[];
  query: string;
  incident: string;
  started: string;
  detected: string;
  opened: string;
  times_opened: number;
  flapping: boolean;
  silenced?: boolean;
}

export interface TimelineEntry {
  time: string;
  kind: string;
  text: string;
  author: string;
}

export interface Notification {
  key: string;
  channel: string;
  made: string;
  attempts: number;
  state: string;
  reason: string;
}

export interface IncidentDetail extends Incident {
  timeline: TimelineEntry[];
  members: Alert[];
  notifications: Notification[];
}

/** One action about an incident, on one target. */
export interface ActionRun {
  id: string;
  action: string;
  mode: 'dry_run' | 'approve' | 'auto';
  state: string;
  target: string;
  /** In words; empty while it is not planned. */
  does: string;
  /** In words; empty: it cannot be taken back. */
  undoes: string;
  reason: string;
  made: string;
  approve_until: string | null;
  approved_by: string;
  baseline: number | null;
  measured: number | null;
  watch_until: string | null;
  ended: string | null;
}

export interface ActionsAnswer extends Envelope<ActionRun[]> {
  /** Who has thrown the kill switch; `null`: nobody. */
  stopped: { author: string; reason: string; time: string } | null;
}

export interface Silence {
  id: string;
  matchers: Record<string, string>;
  start: string;
  end: string;
  comment: string;
  author: string;
}

/** As docs/guides/alerting.md describes it; keys at their default are left out. */
export interface Rule {
  id: string;
  name: string;
  kind: string;
  severity: Severity;
  condition?: string;
  of?: string;
  steps?: string[];
  absent_last?: boolean;
  group_by?: string[];
  threshold?: number;
  distinct?: string;
  ratio?: number;
  min_count?: number;
  window?: string;
  every?: string;
  learn?: string;
  enabled?: boolean;
  description?: string;
  tags?: string[];
  author?: string;
  source?: string;
}

export interface Firing {
  statement: string;
  service: string;
  started: string;
  detected: string;
  query: string;
  resolved: boolean;
}

export interface BackTest {
  /** How often somebody would have been told. */
  alerts: number;
  fired: number;
  records: number;
  /** False when the range was cut at `to`. */
  complete: boolean;
  from: string;
  to: string;
  firings: Firing[];
}

export interface Pattern {
  template_id: number;
  template: string;
  count: number;
  /** 0 … 1, of all matches. */
  share: number;
  levels: Partial<Record<string, number>>;
  first: string;
  last: string;
  example: string;
  name: string | null;
  owner: string | null;
  /** By step of `interval_ms`, from `from` on. */
  counts: number[];
}

export interface PatternsAnswer extends Envelope<Pattern[]> {
  interval_ms: number;
  from: string;
  to: string;
  total: number;
  templates: number;
}

/** One `<*>` of a template: what its messages fill it with. */
export interface TemplateParameter {
  /** From 1. */
  place: number;
  type: string;
  /** UCUM; empty where none is known. */
  unit: string;
  distinct: { estimate: number; low: number; high: number };
  values: { value: string; count: number; share: number }[];
  numbers: Record<'min' | 'max' | 'mean' | 'p50' | 'p90' | 'p95' | 'p99', number> | null;
}

export interface TemplateDetail {
  template_id: number;
  template: string;
  name: string | null;
  owner: string | null;
  /** Of the result. */
  count: number;
  levels: Partial<Record<string, number>>;
  services: { value: string; count: number }[];
  parameters: TemplateParameter[];
  sample: { records: number; complete: boolean; error: number; unmatched: number };
  members: { template_id: number; count: number }[];
  lifetime: { count: number; first: string; last: string };
}

/** A number beside its baseline: `effect` is log2 of a ratio, with its 95 % interval. */
export interface Compared {
  count: number;
  baseline_count: number;
  effect: number;
  effect_low: number;
  effect_high: number;
  /** Adjusted for everything that was tested. */
  p: number;
}

export interface ComparedPattern extends Compared {
  template_id: number;
  template: string;
  status: 'new' | 'gone' | 'changed';
  share: number;
  baseline_share: number;
  example: string;
  query: string;
  counts: number[];
  baseline_counts: number[];
}

export interface ComparedValue extends Compared {
  /** `null`: records without the field. */
  value: string | null;
  share: number;
  baseline_share: number;
  query: string;
}

export interface CompareAnswer
  extends Envelope<{
    volume: Compared;
    patterns: ComparedPattern[];
    fields: { field: string; values: ComparedValue[] }[];
  }> {
  baseline_from: string;
  baseline_to: string;
  tests: number;
  templates: number;
  fields: number;
}
