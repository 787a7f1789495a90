/**
 * Claude by InvokeModel: Anthropic's own body, and Anthropic's own stream events in base64 inside AWS event-stream frames. To a caller who
 * speaks Messages each event is passed on as it came, in SSE.
 */

import { GatewayError } from '../../core/errors.ts';
import { asObject, asString } from '../../core/json.ts';
import type { ModelInfo } from '../../core/model.ts';
import type { Frame, StreamRelay } from '../../core/stream.ts';
import {
  type AwsMessage,
  type AwsStreamOptions,
  createAwsSplitter,
  decodeAwsMessages,
  readAwsEventStream,
} from '../../wire/aws-event-stream.ts';
import { writeSse } from '../../wire/sse.ts';
import type { ChatEndpoint } from '../contract.ts';
import {
  type AnthropicCodec,
  createAnthropicCodec,
  createAnthropicFrameDecoder,
} from '../families/anthropic-messages/codec.ts';
import { anthropicErrorRows } from '../families/anthropic-messages/errors.ts';
import type { AnthropicVariant } from '../families/anthropic-messages/variant.ts';
import { readAwsError, readAwsException } from '../families/converse/errors.ts';
import type { ErrorRow } from '../families/error-table.ts';
import { claudeBetas } from './claude-betas.ts';
import { errorRows } from './errors.ts';
import type { Post } from './post.ts';

const variant: AnthropicVariant = {
  bodyVersion: 'bedrock-2023-05-31',
  modelInBody: false,
  streamInBody: false,
  betas: 'body',
  allowedBetas: claudeBetas,
  urlMedia: false,
};

/** Tiers that AWS takes, in a header; the body knows none. */
const tiers: readonly string[] = ['default', 'flex', 'priority', 'reserved'];

/** Refusals come from AWS in its shape, or from Claude in AWS's shape with Anthropic's words. */
export const invokeErrorRows: readonly ErrorRow[] = [...errorRows, ...anthropicErrorRows];

export function createClaudeCodec(model: ModelInfo): AnthropicCodec {
  return createAnthropicCodec(model, variant, errorRows);
}

export function createInvokeChat(model: ModelInfo, post: Post, now: () => number): ChatEndpoint {
  const codec = createClaudeCodec(model);
  const options: AwsStreamOptions = {
    readFailure: (message) => readAwsException(invokeErrorRows, message),
    unwrap: unwrapChunk,
  };
  return {
    ...codec,
    encode(request) {
      const { serviceTier: tier } = request;
      const encoded = codec.encode(request);
      if (tier === undefined || !tiers.includes(tier)) return encoded;
      return {
        ...encoded,
        headers: { ...encoded.headers, 'x-amzn-bedrock-service-tier': tier },
        dropped: encoded.dropped.filter((field) => field !== 'service_tier'),
      };
    },
    forward(call) {
      const edits = codec.forward(call);
      // Anthropic's own tiers are no field of Bedrock's, which refuses fields it does not know.
      return edits && { ...edits, remove: [...(edits.remove ?? []), 'service_tier'] };
    },
    openStream: () => readAwsEventStream(createAnthropicFrameDecoder(model, errorRows), options),
    openRelay: () => createRelay(model, options),
    request: (body, { stream, headers }) =>
      post(model, stream ? 'invoke-with-response-stream' : 'invoke', body, { stream, headers }),
    readError: (response) => readAwsError(invokeErrorRows, response, now()),
  };
}

/** AWS frames in, SSE out: whole events only, each read before it is passed on. */
function createRelay(model: ModelInfo, options: AwsStreamOptions): StreamRelay {
  const splitter = createAwsSplitter();
  const decoder = decodeAwsMessages(createAnthropicFrameDecoder(model, errorRows), options);
  return {
    // Every frame is decoded here.
    skippedChars: 0,
    push(chunk, emit) {
      let text = '';
      for (const message of splitter.push(chunk)) {
        const frame = decoder.message(message, emit);
        if (frame !== undefined) text += writeSse(frame.data, frame.name);
      }
      return text === '' ? undefined : Buffer.from(text);
    },
    finish(emit) {
      decoder.finish(emit);
      return undefined;
    },
  };
}

const metrics = 'amazon-bedrock-invocationMetrics';

/** `{bytes: base64 of an event, p: padding}`. AWS adds metrics of its own to the last event; they are not Anthropic's, and are taken off. */
function unwrapChunk(message: AwsMessage): Frame | undefined {
  if (message.name !== 'chunk') return undefined;
  const bytes = asString(parse(message.data)['bytes']);
  if (bytes === undefined) return undefined;
  const data = Buffer.from(bytes, 'base64').toString('utf8');
  const event = parse(data);
  const name = asString(event['type']) ?? '';
  if (event[metrics] === undefined) return { name, data };
  const { [metrics]: _metrics, ...own } = event;
  return { name, data: JSON.stringify(own) };
}

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    return asObject(JSON.parse(text));
  } catch (cause) {
    throw new GatewayError('upstream_malformed', 'The provider sent a stream chunk that is not JSON.', {
      cause,
    });
  }
}
