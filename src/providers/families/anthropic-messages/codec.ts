/** Anthropic Messages as an upstream protocol, on any of its transports. */
import type { Capability } from '../../../core/capability.ts';
import type { ModelInfo } from '../../../core/model.ts';
import type { FrameDecoder } from '../../../core/stream.ts';
import { readSse, relaySse } from '../../../wire/sse-stream.ts';
import type { ChatEndpoint } from '../../contract.ts';
import type { ErrorRow } from '../error-table.ts';
import { readMessage, watchMessage } from './decode.ts';
import { encodeMessagesBody } from './encode.ts';
import { readAnthropicErrorInside } from './errors.ts';
import { createForward } from './forward.ts';
import { unwrapJsonTool } from './json-tool.ts';
import { createMessageFrameDecoder } from './stream.ts';
import type { AnthropicVariant } from './variant.ts';

export type AnthropicCodec = Required<Omit<ChatEndpoint, 'request' | 'readError' | 'readLimits'>>;

const carried: readonly Capability[] = ['vision', 'documents', 'tools', 'structured-output', 'reasoning'];
const carriedByUrl: readonly Capability[] = ['image-url', 'document-url'];

export function createAnthropicCodec(
  model: ModelInfo,
  variant: AnthropicVariant,
  errorRows: readonly ErrorRow[] = [],
): AnthropicCodec {
  const inside = (body: unknown) => readAnthropicErrorInside(errorRows, body);
  const carries = [...carried, ...(variant.urlMedia ? carriedByUrl : [])].filter((capability) =>
    model.capabilities.has(capability),
  );
  return {
    protocol: 'anthropic-messages',
    model,
    carries: new Set(carries),
    encode: (request) => encodeMessagesBody(request, model, variant),
    forward: createForward(model, variant),
    readAnswer: (body, emit) => readMessage(body, model.nativeSchema ? emit : unwrapJsonTool(emit), inside),
    watchAnswer: watchMessage,
    openStream: () => readSse(createAnthropicFrameDecoder(model, errorRows)),
    openRelay() {
      const decoder = createMessageFrameDecoder(inside);
      return relaySse(decoder, { drop: () => decoder.strange() });
    },
  };
}

/** The protocol's frames in any framing; for transports that have their own. */
export function createAnthropicFrameDecoder(
  model: ModelInfo,
  errorRows: readonly ErrorRow[] = [],
): FrameDecoder {
  const family = createMessageFrameDecoder((body) => readAnthropicErrorInside(errorRows, body));
  if (model.nativeSchema) return family;
  let target: Parameters<FrameDecoder['frame']>[1] | undefined;
  const unwrap = unwrapJsonTool((event) => target?.(event));
  return {
    frame(frame, emit) {
      target = emit;
      family.frame(frame, unwrap);
    },
    finish: (emit) => family.finish(emit),
  };
}
