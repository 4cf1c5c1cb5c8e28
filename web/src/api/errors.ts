/** What can go wrong between the page and the node, in words for people. */

export class ApiError extends Error {
  override name = 'ApiError';

  constructor(
    message: string,
    readonly status: number,
    readonly code: string,
    readonly hint: string | null = null,
    /** 1-based, code points of the query. */
    readonly column: number | null = null,
    readonly length: number = 1,
    readonly requestId: string | null = null,
    readonly retryAfterS: number | null = null,
  ) {
    super(message);
  }

  get isQuerySyntax(): boolean {
    return this.code === 'query_syntax';
  }
}

/** Nothing answered at all. */
export class Unreachable extends Error {
  override name = 'Unreachable';

  constructor() {
    super('the node does not answer');
  }
}

interface ErrorBody {
  error?: {
    code?: string;
    message?: string;
    hint?: string | null;
    column?: number | null;
    length?: number | null;
    request_id?: string | null;
  };
}

export function apiError(status: number, headers: Headers, body: unknown): ApiError {
  const said = (typeof body === 'object' && body !== null ? (body as ErrorBody).error : undefined) ?? {};
  const retryAfter = Number(headers.get('Retry-After') ?? Number.NaN);
  return new ApiError(
    said.message ?? `the node answered ${status}`,
    status,
    said.code ?? `http_${status}`,
    said.hint ?? null,
    said.column ?? null,
    said.length ?? 1,
    said.request_id ?? headers.get('X-Request-Id'),
    Number.isFinite(retryAfter) ? retryAfter : null,
  );
}
