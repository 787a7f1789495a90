/** An item of a batch as the router sees a request. It came with no HTTP request of its own: its terms are its batch's. */
import type { Batch } from '../../batch/contract.ts';
import type { ItemCall, Line } from '../../batch/shape/contract.ts';
import type { Answer } from '../../core/answer.ts';
import { GatewayError } from '../../core/errors.ts';
import { ownFacts } from '../../core/own-facts.ts';
import type { ChatRequest, EmbeddingRequest } from '../../core/request.ts';
import { createCallOn, type DecodableCall, translate } from '../call.ts';
import type { ChatDialect, EmbeddingDialect } from '../dialects/contract.ts';
import type { Terms } from '../terms.ts';

export interface ItemContext {
  readonly id: string;
  readonly batch: Batch;
  readonly nowMs: number;
}

export function createItemCall(
  dialect: ChatDialect | EmbeddingDialect,
  line: Line,
  context: ItemContext,
): ItemCall {
  const { id, batch, nowMs } = context;
  const terms: Terms = {
    tags: batch.tags,
    priority: batch.priority,
    budgetMs: Math.max(0, batch.deadlineAtMs - nowMs),
  };
  const input = {
    id,
    facts: line.facts,
    body: line.body,
    headers: line.headers ?? {},
    draw: drawOf(id),
    nowMs,
    caller: undefined,
    batch: batch.id,
  };
  if (dialect.operation === 'chat')
    return chatCall(dialect, createCallOn(terms, { ...input, dialect }), nowMs);
  return embeddingCall(dialect, createCallOn(terms, { ...input, dialect }));
}

function chatCall(dialect: ChatDialect, call: DecodableCall<ChatRequest>, nowMs: number): ItemCall {
  const nowS = Math.floor(nowMs / 1000);
  return {
    ...call,
    ...answerableChat(dialect, call, call.id, nowMs),
    lastText: () => lastText(call.request()),
    chat: () => call.request(),
    asking: (request) => chatCall(dialect, insteadOf(call, request), nowMs),
    answerOf: (text): Answer => ({
      id: call.id,
      model: call.facts.model,
      createdAtS: nowS,
      choices: [{ blocks: [{ type: 'text', text }], stop: { kind: 'end' } }],
      usage: { inputTokens: 0, outputTokens: 0 },
    }),
  };
}

/** On the same terms, asking this instead: always translated, since nobody sent it. */
function insteadOf(call: DecodableCall<ChatRequest>, request: ChatRequest): DecodableCall<ChatRequest> {
  return {
    ...call,
    ...ownFacts(call.facts.model, request),
    request: () => request,
    prepare: (endpoint, strict) => ({
      ...translate(endpoint, request, strict),
      forwarded: { stream: false, streamUsage: true, headers: {} },
    }),
  };
}

function embeddingCall(dialect: EmbeddingDialect, call: DecodableCall<EmbeddingRequest>): ItemCall {
  return {
    ...call,
    ...answerableEmbedding(dialect, call),
    lastText() {
      const last = call.request().inputs.at(-1);
      return typeof last === 'string' ? last : '';
    },
    answerOf() {
      throw new GatewayError('unsupported', 'A text cannot stand for an embedding.');
    },
  };
}

function lastText(request: ChatRequest): string {
  const last = request.messages.findLast((message) => message.role === 'user');
  return (last?.blocks ?? []).flatMap((block) => (block.type === 'text' ? [block.text] : [])).join('\n');
}

/** How the answer to a chat is written for those who hold no line. `id`: for providers that gave none. */
export function answerableChat(
  dialect: ChatDialect,
  call: DecodableCall<ChatRequest>,
  id: string,
  nowMs: number,
): Pick<ItemCall, 'operation' | 'format' | 'encodeAnswer'> {
  return {
    operation: 'chat',
    format: () => call.request().format,
    encodeAnswer(answer) {
      if ('vectors' in answer) throw new GatewayError('internal', 'A chat was answered with vectors.');
      const nowS = Math.floor(nowMs / 1000);
      return dialect.encodeAnswer(answer, { requestId: id, nowS, request: call.request() });
    },
  };
}

export function answerableEmbedding(
  dialect: EmbeddingDialect,
  call: DecodableCall<EmbeddingRequest>,
): Pick<ItemCall, 'operation' | 'format' | 'encodeAnswer'> {
  return {
    operation: 'embedding',
    format: () => undefined,
    encodeAnswer(answer) {
      if ('vectors' in answer) return dialect.encodeAnswer(answer, call.request());
      throw new GatewayError('internal', 'An embedding was answered with a text.');
    },
  };
}

/** Of the id, not of chance: what is tried again after a crash takes the same place in weighted steps. FNV-1a, mixed once more. */
export function drawOf(id: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < id.length; at++) hash = Math.imul(hash ^ id.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return ((hash ^ (hash >>> 13)) >>> 0) / 2 ** 32;
}
