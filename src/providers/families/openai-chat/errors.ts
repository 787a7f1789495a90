/**
 * Errors of servers that speak Chat Completions. The shape varies: `{error:{message,type,param,code}}`, `{error:"text"}`,
 * `{code,error:"text"}`, `{detail}`, `{message}`, `{errors:[…]}`, HTML, nothing. The rows are OpenAI's own words, which the others copied.
 */
import type { GatewayError } from '../../../core/errors.ts';
import { asArray, asNumber, asObject, asString, isObject } from '../../../core/json.ts';
import { durationMs, retryAfterInText, retryAfterMs } from '../../../wire/retry-after.ts';
import type { FailedResponse, ResponseHeaders } from '../../contract.ts';
import { type ErrorRow, readErrorTable, type SeenError } from '../error-table.ts';

/** Stands for a wait that can never help: one request that asks for more than a minute's whole limit. */
const neverFits = 'request_over_limit';

export const chatErrorRows: readonly ErrorRow[] = [
  { code: /^(?:insufficient_quota|billing_hard_limit_reached|billing_not_active)$/, is: 'quota_exhausted' },
  { type: 'insufficient_quota', is: 'quota_exhausted' },
  { code: 'context_length_exceeded', is: 'context_too_long' },
  { code: 'string_above_max_length', message: /\bmessages\b|\binput\b/, is: 'context_too_long' },
  {
    status: [400, 413, 422],
    message:
      /maximum context length|context window|prompt is too long|too many (?:input |prompt )?tokens|exceeds? the (?:model's )?(?:maximum )?context|(?:prompt|input) (?:contains|has) \d+ tokens/i,
    is: 'context_too_long',
  },
  // Waiting does not help, and cooling the target for everybody else would be wrong: another may have a larger limit.
  { type: neverFits, is: 'request_too_large', retry: 'other' },
  { status: [413, 429], message: /request too large/i, is: 'request_too_large', retry: 'other' },
  { code: /^content_(?:filter|policy_violation)$/, is: 'content_blocked' },
  { code: 'model_not_found', is: 'model_not_found' },
  { code: 'invalid_api_key', is: 'upstream_auth' },
  { status: 429, message: /overloaded|no capacity|high demand/i, is: 'upstream_overloaded' },
  { code: 'rate_limit_exceeded', is: 'rate_limited' },
  { type: /^(?:requests|tokens|rate_limit_error|rate_limit_exceeded)$/, is: 'rate_limited' },
  // An address that is not the API's: our configuration's mistake, never the caller's model.
  {
    status: 404,
    message: /^$|invalid url|unknown request url|unrecognized request url|no route/i,
    is: 'upstream_fault',
    retry: 'other',
  },
  { status: 405, is: 'upstream_fault', retry: 'other' },
  { status: 503, is: 'upstream_overloaded' },
  { type: /overloaded|service_unavailable/i, is: 'upstream_overloaded' },
  { code: /^(?:overloaded|slow_down|server_overloaded)$/, is: 'upstream_overloaded' },
  { type: /^authentication_?error$/i, is: 'upstream_auth' },
  { type: /^(?:server_error|internal_server_error|InternalServerError)$/, is: 'upstream_fault' },
];

/** Takes the vendor's shape off an HTTP error. */
export function seeChatError(response: FailedResponse, nowMs: number): SeenError {
  const headers = response.headers;
  const seen = seeErrorObject(parse(response.body), response.status);
  const tooLarge = seen.type === neverFits;
  const wait =
    retryAfterMs(headers, nowMs) ??
    seen.retryAfterMs ??
    (response.status === 429 ? resetMs(headers) : undefined);
  const requestId = headers['x-request-id'] ?? headers['apim-request-id'];
  const should = headers['x-should-retry'];
  return {
    ...seen,
    ...(wait === undefined || tooLarge ? {} : { retryAfterMs: wait }),
    ...(requestId === undefined ? {} : { requestId }),
    ...(should === undefined ? {} : { shouldRetry: should === 'true' }),
  };
}

/** A refusal by a rate limit. Groq answers 413 with the same code where one request is over the limit; inside a stream only the code tells. */
function isThrottle(status: number, code: string | undefined): boolean {
  return status === 429 || status === 413 || code === 'rate_limit_exceeded';
}

/** "Request too large for gpt-4o … Limit 30000, Requested 45000": the same words as every throttling, and only the numbers tell. */
function asksMoreThanLimit(message: string): boolean {
  const match = /\blimit:?\s*(\d[\d,]*).{0,80}?\brequested:?\s*(\d[\d,]*)/is.exec(message);
  if (match === null) return false;
  const number = (text = ''): number => Number(text.replaceAll(',', ''));
  return number(match[2]) > number(match[1]);
}

const buckets = ['requests', 'tokens', 'project-tokens'] as const;

/** When the bucket that is empty is full again: a Go duration at OpenAI, whole seconds at Azure. */
function resetMs(headers: ResponseHeaders): number | undefined {
  let longest: number | undefined;
  for (const bucket of buckets) {
    if (headers[`x-ratelimit-remaining-${bucket}`]?.trim() !== '0') continue;
    const text = headers[`x-ratelimit-reset-${bucket}`]?.trim() ?? '';
    const ms = durationMs(text) ?? (/^\d+(?:\.\d+)?$/.test(text) ? Number(text) * 1000 : 0);
    if (ms > 0 && ms > (longest ?? 0)) longest = ms;
  }
  return longest;
}

/** The error object of a body, or of a chunk in a stream, whose own status then comes from its code. */
export function seeErrorObject(body: unknown, answered: number): SeenError {
  const outer = asObject(Array.isArray(body) ? body[0] : body);
  const inner = outer['error'] ?? asArray(outer['errors'])[0];
  const error = isObject(inner) ? inner : outer;
  const message = messageOf(error, inner, outer);
  const status = answered === 200 ? statusInside(error) : answered;
  const code = asString(error['code']) ?? asString(asObject(error['innererror'])['code']);
  const throttle = isThrottle(status, code);
  const tooLarge = throttle && asksMoreThanLimit(message);
  const type = tooLarge ? neverFits : (asString(error['type']) ?? asString(error['status']));
  const wait = throttle && !tooLarge ? retryAfterInText(message) : undefined;
  const param = asString(error['param']);
  return {
    status,
    message,
    ...(code === undefined ? {} : { code }),
    ...(type === undefined ? {} : { type }),
    ...(param === undefined ? {} : { param }),
    ...(wait === undefined ? {} : { retryAfterMs: wait }),
  };
}

function messageOf(
  error: Readonly<Record<string, unknown>>,
  inner: unknown,
  outer: Readonly<Record<string, unknown>>,
): string {
  const message =
    asString(inner) ??
    asString(error['message']) ??
    asString(error['Message']) ??
    detailText(outer['detail']) ??
    detailText(error['message']) ??
    '';
  // OpenRouter says no more than "Provider returned error"; what the provider said is beside it.
  const raw = asString(asObject(error['metadata'])['raw']);
  return raw === undefined ? message : `${message}: ${rawMessage(raw)}`;
}

function rawMessage(raw: string): string {
  const body = asObject(parse(raw));
  const error = asObject(body['error']);
  return asString(error['message']) ?? asString(body['message']) ?? raw;
}

/** An error inside a stream has no status line; a number (OpenRouter, Groq, Azure) stands for one, else it is a server's fault. */
function statusInside(error: Readonly<Record<string, unknown>>): number {
  for (const field of ['status_code', 'code', 'status']) {
    const value = error[field];
    const number = asNumber(value) ?? (/^[45]\d\d$/.test(asString(value) ?? '') ? Number(value) : 0);
    if (Number.isInteger(number) && number >= 400 && number < 600) return number;
  }
  return 500;
}

/** FastAPI's: text, or a list of what is wrong where. */
function detailText(detail: unknown): string | undefined {
  if (typeof detail === 'string') return detail;
  const list = Array.isArray(detail) ? detail : asArray(asObject(detail)['detail']);
  const texts = list.map((entry) => asString(asObject(entry)['msg']) ?? '').filter((text) => text !== '');
  if (texts.length > 0) return texts.join('; ');
  return asString(asObject(detail)['message']);
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    // HTML or nothing, as proxies answer: the status has to do.
    return {};
  }
}

export function readChatError(
  rows: readonly ErrorRow[],
  response: FailedResponse,
  nowMs: number,
): GatewayError {
  return readErrorTable([...rows, ...chatErrorRows], seeChatError(response, nowMs));
}

export function readChatErrorInside(rows: readonly ErrorRow[], body: unknown): GatewayError {
  return readErrorTable([...rows, ...chatErrorRows], seeErrorObject(body, 200));
}
