/**
 * Every fault the gateway can meet, in one table.
 *
 * Providers map a vendor's error onto a code (their `errors.ts`), the router acts on `retry`, dialects render
 * the code in the caller's own shape. Nothing else decides what an error means.
 *
 * `retry` says what may help:
 * - `never`: the request itself is at fault, or its answer must not be bought elsewhere; tell the caller.
 * - `same`:  the same target may well answer if asked again (a 500, a reset).
 * - `other`: this target will not answer now, another may.
 * - `later`: the target asked for time (429, cooling); another may answer meanwhile.
 */
export type Retry = 'never' | 'same' | 'other' | 'later';

/** Who must act: the caller, our own policy, the provider, or us. */
export type Fault = 'caller' | 'policy' | 'provider' | 'gateway';

interface ErrorKind {
  readonly status: number;
  readonly retry: Retry;
  readonly fault: Fault;
  readonly meaning: string;
}

export const errorKinds = {
  invalid_request: {
    status: 400,
    retry: 'never',
    fault: 'caller',
    meaning: 'The request is malformed or holds a value that no target accepts.',
  },
  unsupported: {
    status: 400,
    retry: 'never',
    fault: 'caller',
    meaning: 'The request asks for something that no target of the route can carry.',
  },
  context_too_long: {
    status: 400,
    retry: 'other',
    fault: 'caller',
    meaning: 'The request does not fit the context window; only a target with a larger window is tried.',
  },
  content_blocked: {
    status: 400,
    retry: 'never',
    fault: 'caller',
    meaning: 'A provider’s content filter refused the request.',
  },
  invalid_key: {
    status: 401,
    retry: 'never',
    fault: 'caller',
    meaning: 'The caller’s key for this gateway is missing or wrong.',
  },
  over_budget: {
    status: 402,
    retry: 'never',
    fault: 'policy',
    meaning:
      'A budget that the request falls under is spent. Not 429: clients would ask again, and again, until it resets.',
  },
  price_unknown: {
    status: 402,
    retry: 'never',
    fault: 'policy',
    meaning: 'A hard budget or the route asks for known prices, and no target with one is left.',
  },
  forbidden: {
    status: 403,
    retry: 'never',
    fault: 'policy',
    meaning: 'The caller’s key may not use this route.',
  },
  not_found: { status: 404, retry: 'never', fault: 'caller', meaning: 'No such path, route or model.' },
  method_not_allowed: {
    status: 405,
    retry: 'never',
    fault: 'caller',
    meaning: 'The path exists, the method does not.',
  },
  model_not_found: {
    status: 404,
    retry: 'never',
    fault: 'caller',
    meaning: 'The model is unknown, here or at the provider.',
  },
  conflict: {
    status: 409,
    retry: 'never',
    fault: 'caller',
    meaning:
      'What is asked does not go with the state that the thing is in, or with an earlier request of the same key.',
  },
  request_timeout: {
    status: 408,
    retry: 'never',
    fault: 'caller',
    meaning: 'The caller did not finish sending its request in time.',
  },
  request_too_large: {
    status: 413,
    retry: 'never',
    fault: 'caller',
    meaning: 'The body is over the size that is accepted.',
  },
  range_not_satisfiable: {
    status: 416,
    retry: 'never',
    fault: 'caller',
    meaning: 'The range of bytes that is asked for is beyond the end of the file.',
  },
  cancelled: {
    status: 499,
    retry: 'never',
    fault: 'caller',
    meaning: 'The request, or the batch that it was in, was cancelled before it was answered.',
  },
  client_closed: { status: 499, retry: 'never', fault: 'caller', meaning: 'The caller hung up.' },
  key_limited: {
    status: 429,
    retry: 'never',
    fault: 'policy',
    meaning: 'The caller’s key is over a limit of its own; `retryAfterMs` says for how long.',
  },
  no_room: {
    status: 429,
    retry: 'later',
    fault: 'policy',
    meaning: 'The limits of every target are used up for now; `retryAfterMs` says for how long.',
  },
  rate_limited: {
    status: 429,
    retry: 'later',
    fault: 'provider',
    meaning: 'The provider throttles us; `retryAfterMs` says for how long.',
  },
  quota_exhausted: {
    status: 429,
    retry: 'other',
    fault: 'provider',
    meaning: 'Our account at the provider is out of quota or credit; waiting does not help.',
  },
  store_unavailable: {
    status: 503,
    retry: 'later',
    fault: 'gateway',
    meaning: 'What the gateway must write down before it spends money cannot be written.',
  },
  internal: { status: 500, retry: 'never', fault: 'gateway', meaning: 'A defect in the gateway.' },
  upstream_auth: {
    status: 502,
    retry: 'other',
    fault: 'provider',
    meaning: 'The provider refuses our credentials. Raises an alarm.',
  },
  upstream_refused_shape: {
    status: 502,
    retry: 'other',
    fault: 'provider',
    meaning: 'The provider refuses a shape that we built from a valid request.',
  },
  upstream_fault: {
    status: 502,
    retry: 'same',
    fault: 'provider',
    meaning: 'The provider answered with a server error.',
  },
  upstream_unreachable: {
    status: 502,
    retry: 'same',
    fault: 'provider',
    meaning: 'The connection was refused, reset or could not be made.',
  },
  upstream_malformed: {
    status: 502,
    retry: 'other',
    fault: 'provider',
    meaning: 'The provider’s answer cannot be read.',
  },
  upstream_truncated: {
    status: 502,
    retry: 'other',
    fault: 'provider',
    meaning: 'The answer ended before its terminal event.',
  },
  upstream_overloaded: {
    status: 503,
    retry: 'other',
    fault: 'provider',
    meaning: 'The provider is overloaded or unavailable.',
  },
  no_candidate: {
    status: 503,
    retry: 'later',
    fault: 'policy',
    meaning: 'Every target of the route is cooling or has an open breaker.',
  },
  shutting_down: {
    status: 503,
    retry: 'later',
    fault: 'gateway',
    meaning: 'The gateway is draining; ask another replica.',
  },
  upstream_timeout: {
    status: 504,
    retry: 'other',
    fault: 'provider',
    meaning: 'The provider was silent for too long.',
  },
  deadline_exceeded: {
    status: 504,
    retry: 'never',
    fault: 'policy',
    meaning: 'The request’s own time budget is spent.',
  },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof errorKinds;

/** What the provider really said; for logs and `explain`. Never holds a secret, a prompt or an answer. */
export interface UpstreamDetail {
  readonly status?: number;
  /** The vendor's own type or code word, such as `overloaded_error` or `ThrottlingException`. */
  readonly type?: string;
  readonly requestId?: string;
}

export interface ErrorOptions {
  /** How long the provider asked us to wait, in milliseconds. */
  readonly retryAfterMs?: number;
  /** The request field at fault, in the caller's words, such as `messages[2].content`. */
  readonly param?: string;
  readonly upstream?: UpstreamDetail;
  /** Set where one error of a kind must be handled otherwise than its table row says (a vendor's `x-should-retry`). */
  readonly retry?: Retry;
  readonly cause?: unknown;
}

/**
 * The one error class. `message` is for the caller: what was wrong, the value seen, the fix; no secrets, no prompts.
 */
export class GatewayError extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  readonly retry: Retry;
  readonly retryAfterMs: number | undefined;
  readonly param: string | undefined;
  readonly upstream: UpstreamDetail | undefined;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'GatewayError';
    this.code = code;
    this.status = errorKinds[code].status;
    this.retry = options.retry ?? errorKinds[code].retry;
    this.retryAfterMs = options.retryAfterMs;
    this.param = options.param;
    this.upstream = options.upstream;
  }
}

/** Any thrown value as a `GatewayError`; a stranger becomes `internal` and keeps its cause for the log alone. */
export function asGatewayError(thrown: unknown): GatewayError {
  if (thrown instanceof GatewayError) return thrown;
  return new GatewayError('internal', 'The gateway failed while handling this request.', { cause: thrown });
}
