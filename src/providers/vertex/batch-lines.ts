/**
 * Lines of a job's input, and rows of its output.
 *
 * A request's id stands beside it as `custom_id`; Google copies further keys of a line into its row, and for Claude documents this one.
 * For Gemini on Cloud Storage that is seen but not promised, so the id also rides inside the request, as a label, and whichever comes
 * back is read. Positions mean nothing.
 */
import { STATUS_CODES } from 'node:http';
import { GatewayError } from '../../core/errors.ts';
import { asArray, asNumber, asObject, asString, isObject } from '../../core/json.ts';
import { editBody, readField, scanBody } from '../../wire/json-scan.ts';
import type { BatchJob, BatchLine, BatchResult, FailedResponse } from '../contract.ts';

/** Label keys and values are lower-case letters, digits, `_` and `-`, at most 63 of them (cloud.google.com, labels, November 2026). */
const itemLabel = 'intermodal_item';

export type Publisher = 'google' | 'anthropic';

export interface RowReading {
  readonly publisher: Publisher;
  /** The sync endpoint's own. */
  readonly readError: (response: FailedResponse) => GatewayError;
}

function spellId(job: BatchJob, key: number): string {
  return `${job.id}-${key}`;
}

/** The key of an id that is of this job. */
function readId(job: BatchJob, id: string | undefined): number | undefined {
  const match = id?.startsWith(`${job.id}-`) === true ? /^\d{1,15}$/.exec(id.slice(job.id.length + 1)) : null;
  return match === null ? undefined : Number(match[0]);
}

/** One line, its end included. */
export function writeLine(publisher: Publisher, job: BatchJob, line: BatchLine): string {
  const id = spellId(job, line.key);
  const body = publisher === 'google' ? withLabel(line.body, id) : withoutStream(line.body);
  // Whitespace between its tokens may hold line ends where the body is the caller's own; strings cannot.
  const request = /[\r\n]/.test(body) ? body.replace(/[\r\n]+/g, ' ') : body;
  return `{"custom_id":"${id}","request":${request}}\n`;
}

function withLabel(body: string, id: string): string {
  // Bodies are what our encoder made, and it makes no labels: most need no reading.
  if (body.startsWith('{"') && !body.includes('"labels"'))
    return `{"labels":{"${itemLabel}":"${id}"},${body.slice(1)}`;
  const scanned = scanBody(Buffer.from(body));
  const labels = JSON.stringify({ ...asObject(readField(scanned, 'labels')), [itemLabel]: id });
  return editBody(scanned, { set: { labels } }).toString('utf8');
}

/** A batch has no streams, and says so of a line that asks for one. */
function withoutStream(body: string): string {
  if (!body.includes('"stream"')) return body;
  const scanned = scanBody(Buffer.from(body));
  return scanned.fields.has('stream') ? editBody(scanned, { remove: ['stream'] }).toString('utf8') : body;
}

/** `row`: parsed JSON, of whatever shape. */
export function readRow(row: unknown, job: BatchJob, reading: RowReading): BatchResult {
  const fields = asObject(row);
  const label = asString(asObject(asObject(fields['request'])['labels'])[itemLabel]);
  const key = readId(job, asString(fields['custom_id'])) ?? readId(job, label);
  if (key === undefined)
    return { kind: 'unreadable', message: 'A row of the output holds no id of this job.' };
  const status = asString(fields['status']) ?? '';
  if (status !== '') return readRefusal(key, status, reading);
  const { response } = fields;
  if (reading.publisher === 'google' ? isGeminiAnswer(response) : isClaudeAnswer(response))
    return { kind: 'answered', key, body: response };
  return { kind: 'failed', key, error: readInside(response, reading) };
}

/** What the sync reader can make an answer of: candidates, or the reason why there are none. */
function isGeminiAnswer(response: unknown): boolean {
  const { candidates, promptFeedback } = asObject(response);
  return asArray(candidates).length > 0 || asString(asObject(promptFeedback)['blockReason']) !== undefined;
}

function isClaudeAnswer(response: unknown): boolean {
  const { type, content } = asObject(response);
  return (type === undefined || type === 'message') && Array.isArray(content);
}

function readInside(response: unknown, { readError }: RowReading): GatewayError {
  const { error } = asObject(response);
  if (isObject(error) || typeof error === 'string') {
    const status = asNumber(asObject(error)['code']) ?? claudeStatus(asString(asObject(error)['type']));
    return readError({ status: httpStatus(status), headers: {}, body: JSON.stringify(response) });
  }
  return new GatewayError(
    'upstream_malformed',
    'The provider says that it answered, and its row holds no answer.',
  );
}

/**
 * `Bad Request: {"error": {"code": 400, …}}`, as Google writes the failure of one row; at times a bare sentence, or the error alone.
 */
function readRefusal(key: number, status: string, { readError }: RowReading): BatchResult {
  const open = status.indexOf('{');
  const words = (open < 0 ? status : status.slice(0, open)).trim().replace(/:$/, '');
  const json = open < 0 ? undefined : parse(status.slice(open));
  const error = asObject(asObject(json)['error']);
  if (error['status'] === 'CANCELLED' || /^cancel/i.test(words)) return { kind: 'cancelled', key };
  const code =
    asNumber(error['code']) ?? claudeStatus(asString(error['type'])) ?? statusOfWords(words) ?? 500;
  const body = isObject(json) ? json : { error: { message: words } };
  return {
    kind: 'failed',
    key,
    error: readError({ status: httpStatus(code), headers: {}, body: JSON.stringify(body) }),
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function httpStatus(code: number | undefined): number {
  if (code === undefined) return 500;
  if (code >= 400 && code < 600) return code;
  return rpcStatus(code).http;
}

function statusOfWords(words: string): number | undefined {
  const named = words.toLowerCase();
  const found = Object.entries(STATUS_CODES).find(([, text]) => text?.toLowerCase() === named);
  return found === undefined ? undefined : Number(found[0]);
}

const claudeStatuses: Readonly<Record<string, number>> = {
  invalid_request_error: 400,
  authentication_error: 401,
  permission_error: 403,
  not_found_error: 404,
  request_too_large: 413,
  rate_limit_error: 429,
  api_error: 500,
  overloaded_error: 529,
};

function claudeStatus(type: string | undefined): number | undefined {
  return type === undefined ? undefined : claudeStatuses[type];
}

/** google.rpc.Code by number: the errors of whole jobs have no HTTP status. */
const rpcStatuses: readonly { readonly word: string; readonly http: number }[] = [
  { word: 'OK', http: 500 },
  { word: 'CANCELLED', http: 499 },
  { word: 'UNKNOWN', http: 500 },
  { word: 'INVALID_ARGUMENT', http: 400 },
  { word: 'DEADLINE_EXCEEDED', http: 504 },
  { word: 'NOT_FOUND', http: 404 },
  { word: 'ALREADY_EXISTS', http: 409 },
  { word: 'PERMISSION_DENIED', http: 403 },
  { word: 'RESOURCE_EXHAUSTED', http: 429 },
  { word: 'FAILED_PRECONDITION', http: 400 },
  { word: 'ABORTED', http: 409 },
  { word: 'OUT_OF_RANGE', http: 400 },
  { word: 'UNIMPLEMENTED', http: 501 },
  { word: 'INTERNAL', http: 500 },
  { word: 'UNAVAILABLE', http: 503 },
  { word: 'DATA_LOSS', http: 500 },
  { word: 'UNAUTHENTICATED', http: 401 },
];

export function rpcStatus(code: number): { readonly word: string; readonly http: number } {
  return rpcStatuses[code] ?? { word: 'UNKNOWN', http: 500 };
}
