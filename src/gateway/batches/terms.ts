/** On what terms a batch is submitted: our own headers, which all ways in read alike, and the body's words that they share. */
import type { IncomingHttpHeaders } from 'node:http';
import type { NewBatch, Webhook } from '../../batch/contract.ts';
import { GatewayError } from '../../core/errors.ts';
import { isObject } from '../../core/json.ts';
import { present } from '../../core/present.ts';
import { durationMs } from '../../wire/retry-after.ts';
import { readTerms } from '../terms.ts';
import { kindOf, wrong } from './read-line.ts';

export const dayMs = 86_400_000;
/** Under a minute nobody needs a batch, and nothing of it could be tried a second time. */
const shortestMs = 60_000;
const maxKeyLength = 255;
const maxUrlLength = 2048;

export type BatchTerms = Pick<NewBatch, 'tags' | 'priority' | 'windowMs' | 'idempotencyKey' | 'reuseMs'>;

/** `windowMs`: of the body, or usual; `x-intermodal-deadline` goes before it. Throws `invalid_request`. */
export function readBatchTerms(headers: IncomingHttpHeaders, windowMs: number): BatchTerms {
  const { tags, priority, budgetMs } = readTerms(headers);
  if (budgetMs !== undefined) checkWindow(budgetMs, 'x-intermodal-deadline');
  return {
    tags,
    priority,
    windowMs: budgetMs ?? windowMs,
    ...present({ idempotencyKey: readKey(headers), reuseMs: readReuse(headers) }),
  };
}

/** `24h`, `45m`, `1h30m`. */
export function readWindow(value: unknown, param: string): number {
  const windowMs = typeof value === 'string' ? durationMs(value) : undefined;
  if (windowMs === undefined)
    throw wrong(
      param,
      `"${param}" is ${typeof value === 'string' ? `"${value.slice(0, 40)}"` : kindOf(value)}; write a duration of at most 24h, such as "24h" or "45m".`,
    );
  checkWindow(windowMs, param);
  return windowMs;
}

function checkWindow(windowMs: number, param: string): void {
  if (windowMs < shortestMs || windowMs > dayMs)
    throw wrong(param, `"${param}" must be from 1m to 24h, but it is ${writeDuration(windowMs)}.`);
}

/** In the largest unit that leaves no rest. */
export function writeDuration(ms: number): string {
  if (ms % 3_600_000 === 0) return `${ms / 3_600_000}h`;
  if (ms % 60_000 === 0) return `${ms / 60_000}m`;
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`;
}

function readKey(headers: IncomingHttpHeaders): string | undefined {
  const text = headers['idempotency-key'];
  if (text === undefined || text === '') return undefined;
  if (typeof text === 'string' && text.length <= maxKeyLength) return text;
  throw new GatewayError('invalid_request', `idempotency-key is over ${maxKeyLength} characters long.`);
}

/** `7d`: that old an answer to the same request may be used again; `off`: none. */
function readReuse(headers: IncomingHttpHeaders): number | undefined {
  const text = headers['x-intermodal-reuse'];
  if (text === undefined) return undefined;
  if (text === 'off') return 0;
  const ms = typeof text === 'string' ? durationMs(text) : undefined;
  if (ms !== undefined) return ms;
  throw new GatewayError(
    'invalid_request',
    `x-intermodal-reuse is "${String(text).slice(0, 40)}"; write a duration such as 7d, or off.`,
  );
}

/** OpenAI's rules: 16 pairs, keys of 64 and values of 512 characters. */
export function readMetadata(value: unknown, param: string): Readonly<Record<string, string>> {
  if (value === undefined || value === null) return {};
  if (!isObject(value)) throw wrong(param, `"${param}" must be an object, but it is ${kindOf(value)}.`);
  const pairs = Object.entries(value);
  if (pairs.length > 16) throw wrong(param, `"${param}" has ${pairs.length} pairs; the most is 16.`);
  return Object.fromEntries(
    pairs.map(([key, one]) => {
      const shown = `${param}.${key.slice(0, 64)}`;
      if (key.length > 64)
        throw wrong(param, `"${param}" has a key of ${key.length} characters; the most is 64.`);
      if (typeof one !== 'string')
        throw wrong(shown, `"${shown}" must be a string, but it is ${kindOf(one)}.`);
      if (one.length > 512)
        throw wrong(shown, `"${shown}" is ${one.length} characters long; the most is 512.`);
      return [key, one];
    }),
  );
}

/** Who is told of the end: `{url, metadata?}`, or the URL alone. */
export function readWebhook(value: unknown): Webhook | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string') return { url: readUrl(value, 'webhook') };
  if (!isObject(value))
    throw wrong('webhook', `"webhook" must be {"url": "https://…"}, but it is ${kindOf(value)}.`);
  refuseUnknown(Object.keys(value), ['url', 'metadata'], 'webhook.');
  const url = readUrl(value['url'], 'webhook.url');
  const metadata = value['metadata'];
  return metadata === undefined ? { url } : { url, metadata: readMetadata(metadata, 'webhook.metadata') };
}

function readUrl(value: unknown, param: string): string {
  const url = typeof value === 'string' && value.length <= maxUrlLength ? URL.parse(value) : null;
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:'))
    throw wrong(param, `"${param}" must be an http or https URL of at most ${maxUrlLength} characters.`);
  // A password in a URL ends up in logs; the signature is what tells the receiver who calls.
  if (url.username !== '' || url.password !== '')
    throw wrong(param, `"${param}" must hold no user name or password.`);
  return url.href;
}

/** A misspelt field is an error, not a wish that nobody hears. */
export function refuseUnknown(names: Iterable<string>, known: readonly string[], prefix = ''): void {
  for (const name of names) {
    if (known.includes(name)) continue;
    const shown = `${prefix}${name.slice(0, 100)}`;
    throw wrong(shown, `Unknown parameter: '${shown}'. Known: ${known.join(', ')}.`);
  }
}
