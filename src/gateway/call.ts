/** One caller's request as the router sees it: facts now, the whole tree only when a target needs a translation. */
import type { IncomingHttpHeaders } from 'node:http';
import type { ScannedBody } from '../core/body.ts';
import { GatewayError } from '../core/errors.ts';
import type { Facts } from '../core/facts.ts';
import type { ChatRequest, EmbeddingRequest } from '../core/request.ts';
import type { Endpoint, ForwardedCall } from '../providers/contract.ts';
import type { Prompt } from '../router/complexity/contract.ts';
import type { Call, Caller, Prepared } from '../router/contract.ts';
import { editBody, parseBody } from '../wire/json-scan.ts';
import { conversationOf } from './conversation.ts';
import type { Dialect } from './dialects/contract.ts';
import { promptOf } from './prompt.ts';
import { readTerms, type Terms } from './terms.ts';

type Decoded = ChatRequest | EmbeddingRequest;

/** The neutral request, decoded at most once. */
export interface DecodableCall<Req extends Decoded> extends Call<Req> {
  request(): Req;
  /** As it came. */
  readonly body: ScannedBody;
  /** The caller's own headers that its protocol defines; lower case. */
  readonly protocolHeaders: Readonly<Record<string, string>>;
}

export interface CallInput<Req extends Decoded> {
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
export function createCall<Req extends Decoded>(input: CallInput<Req>): DecodableCall<Req> {
  return createCallOn(readTerms(input.headers), input);
}

/** For what is asked on the terms of something larger, as the items of a batch are. */
export function createCallOn<Req extends Decoded>(terms: Terms, input: CallInput<Req>): DecodableCall<Req> {
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
    prompt: (mostChars) => readPrompt(request, mostChars, facts),
    body,
    protocolHeaders: forwarded.headers,
    prepare: (endpoint, strict) => prepare(endpoint, strict, request, body, dialect, forwarded),
  };
}

/**
 * A request that passes through may have a form that only its target understands. That is no reason to refuse it here: it has no score, and whoever
 * has to translate it says what is wrong with it.
 */
function readPrompt(request: () => Decoded, mostChars: number, { inputTokens }: Facts): Prompt | undefined {
  try {
    return promptOf(request(), mostChars, inputTokens);
  } catch (thrown) {
    if (thrown instanceof GatewayError) return undefined;
    throw thrown;
  }
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
  return { ...translate(endpoint, request(), strict), forwarded };
}

/** A neutral request as a body of the target's own protocol. Throws `unsupported` where something would be lost and must not be. */
export function translate<Req>(
  endpoint: Endpoint<Req>,
  request: Req,
  strict: boolean,
): Omit<Prepared, 'forwarded'> {
  const encoded = endpoint.encode(request);
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
