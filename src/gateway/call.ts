/** One caller's request as the router sees it: facts now, the whole tree only when a target needs a translation. */
import type { IncomingHttpHeaders } from 'node:http';
import type { ScannedBody } from '../core/body.ts';
import { GatewayError } from '../core/errors.ts';
import type { Facts } from '../core/facts.ts';
import type { Endpoint, ForwardedCall } from '../providers/contract.ts';
import type { Call, Caller, Prepared } from '../router/contract.ts';
import { editBody, parseBody } from '../wire/json-scan.ts';
import { conversationOf } from './conversation.ts';
import type { Dialect } from './dialects/contract.ts';
import { readTerms, type Terms } from './terms.ts';

/** The neutral request, decoded at most once. */
export interface DecodableCall<Req> extends Call<Req> {
  request(): Req;
}

export interface CallInput<Req> {
  readonly id: string;
  readonly dialect: Dialect & { decode(body: unknown): Req };
  readonly facts: Facts;
  readonly body: ScannedBody;
  readonly headers: IncomingHttpHeaders;
  readonly draw: number;
  readonly nowMs: number;
  readonly caller: Caller | undefined;
  /** The batch that it is an item of. */
  readonly batch?: string;
}

/** On what terms it is asked for is in its headers. */
export function createCall<Req>(input: CallInput<Req>): DecodableCall<Req> {
  return createCallOn(readTerms(input.headers), input);
}

/** For what is asked on the terms of something larger, as the items of a batch are. */
export function createCallOn<Req>(terms: Terms, input: CallInput<Req>): DecodableCall<Req> {
  const { dialect, facts, body, headers } = input;
  let decoded: { readonly value: Req } | undefined;
  const request = (): Req => {
    decoded ??= { value: dialect.decode(parseBody(body)) };
    return decoded.value;
  };
  const forwarded: ForwardedCall = {
    stream: facts.stream,
    streamUsage: facts.streamUsage ?? true,
    headers: pickHeaders(headers, dialect.forwardedHeaders),
    body,
  };
  return {
    id: input.id,
    facts,
    protocol: dialect.protocol,
    ...terms,
    headers,
    draw: input.draw,
    startedAtMs: input.nowMs,
    bodyBytes: body.bytes.length,
    ...(input.caller === undefined ? {} : { caller: input.caller }),
    ...(input.batch === undefined ? {} : { batch: input.batch }),
    conversation: conversationOf(dialect, body, input.caller?.key),
    request,
    prepare: (endpoint, strict) => prepare(endpoint, strict, request, body, dialect, forwarded),
  };
}

function prepare<Req>(
  endpoint: Endpoint<Req>,
  strict: boolean,
  request: () => Req,
  body: ScannedBody,
  dialect: Dialect,
  forwarded: ForwardedCall,
): Prepared {
  if (endpoint.protocol === dialect.protocol) {
    const edits = endpoint.forward?.(forwarded);
    if (edits !== undefined) {
      return {
        body: editBody(body, edits),
        headers: edits.headers ?? {},
        dropped: [],
        relay: true,
        forwarded,
      };
    }
  }
  const encoded = endpoint.encode(request());
  if (strict && encoded.dropped.length > 0) {
    throw new GatewayError(
      'unsupported',
      `${endpoint.model.id} cannot carry ${encoded.dropped.join(', ')}, and the route is strict.`,
    );
  }
  return {
    body: JSON.stringify(encoded.body),
    headers: encoded.headers ?? {},
    dropped: encoded.dropped,
    relay: false,
    forwarded,
  };
}

function pickHeaders(
  headers: IncomingHttpHeaders,
  names: readonly string[],
): Readonly<Record<string, string>> {
  const picked: Record<string, string> = {};
  for (const name of names) {
    const value = headers[name];
    if (typeof value === 'string') picked[name] = value;
  }
  return picked;
}
