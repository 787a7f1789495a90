/** The headers of an answer: who served it, what was tried, what could not be carried. */
import { costOf, decimalDollars, listCostOf } from '../core/price.ts';
import type { AttemptRecord, Served } from '../router/contract.ts';

/** As a table, without what belongs to the connection. */
export function headerTable(flat: FlatHeaders): Record<string, string> {
  const table: Record<string, string> = {};
  for (let at = 0; at < flat.length; at += 2) table[flat[at] ?? ''] = flat[at + 1] ?? '';
  return table;
}

/** Forwarded from the provider to a caller who speaks its protocol. */
const forwardedPrefixes = ['x-ratelimit-', 'anthropic-ratelimit-', 'openai-processing-ms', 'openai-version'];
/** Their first letters: most headers are told apart by one look. */
const forwardedLetters = new Set(forwardedPrefixes.map((prefix) => prefix.charCodeAt(0)));
const maxListLength = 1024;

/** Names and values in turn, as `writeHead` takes them. */
export type FlatHeaders = string[];

/** As `identityHeaders`, of a request whose decision can be asked for by its id. */
export function decidedHeaders(requestId: string): FlatHeaders {
  const headers = identityHeaders(requestId);
  headers.push('x-intermodal-decision', requestId);
  return headers;
}

export function identityHeaders(requestId: string): FlatHeaders {
  // The last two are where the OpenAI and Anthropic SDKs look for an id to show in their errors.
  return ['x-intermodal-request-id', requestId, 'x-request-id', requestId, 'request-id', requestId];
}

/** What else went into an answer than the attempt that made it. */
export interface Beside {
  /** Names and values in turn. */
  readonly headers: readonly string[];
  /** Of the other calls. */
  readonly costNanoUsd: number;
  readonly listNanoUsd: number;
  /** It was given before: nobody was asked for it, and `headers` say what that cost. */
  readonly again?: boolean;
}

const nothingBeside: Beside = { headers: [], costNanoUsd: 0, listNanoUsd: 0 };

export function servedHeaders(served: Served, requestId: string, beside = nothingBeside): FlatHeaders {
  const headers = decidedHeaders(requestId);
  headers.push(
    'x-intermodal-target',
    printable(served.target.name),
    'x-intermodal-attempts',
    String(served.tried.length + (beside.again === true ? 0 : 1)),
  );
  if (beside.again !== true) addCost(headers, served, beside);
  headers.push(...beside.headers);
  if (served.tried.length > 0) headers.push('x-intermodal-tried', triedText(served.tried));
  if (served.prepared.dropped.length > 0)
    headers.push('x-intermodal-dropped', printable(served.prepared.dropped.join(',')));
  if (served.prepared.relay) {
    for (const name in served.upstreamHeaders) {
      if (
        !forwardedLetters.has(name.charCodeAt(0)) ||
        !forwardedPrefixes.some((prefix) => name.startsWith(prefix))
      )
        continue;
      headers.push(name, printable(served.upstreamHeaders[name] ?? ''));
    }
  }
  return headers;
}

/** What the answer cost, and what it would have cost more by sync calls at list price. Not where nobody knows. */
function addCost(headers: FlatHeaders, { target, usage }: Served, beside: Beside): void {
  const { price, listPrice } = target;
  if (price === undefined || usage?.inputTokens === undefined) return;
  const own = costOf(price, usage);
  const cost = own + beside.costNanoUsd;
  headers.push('x-intermodal-cost', decimalDollars(cost));
  const list = listPrice === undefined || listPrice === price ? own : listCostOf(listPrice, usage);
  const saved = list + beside.listNanoUsd - cost;
  if (saved > 0) headers.push('x-intermodal-saved', decimalDollars(saved));
}

/** `openai/gpt-4.1-mini=upstream_overloaded, vertex/gemini-2.5-flash=rate_limited` */
export function triedText(tried: readonly AttemptRecord[]): string {
  return printable(tried.map((record) => `${record.target}=${record.code ?? record.outcome}`).join(', '));
}

const unprintable = /[^\x20-\x7e]/;

/** Names come from config and callers; a header may hold printable ASCII only. */
function printable(text: string): string {
  if (text.length <= maxListLength && !unprintable.test(text)) return text;
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, maxListLength);
}
