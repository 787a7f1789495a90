/** Chat Completions, whole: everything of a `ChatEndpoint` but where and how the request is sent. */
import type { Capability } from '../../../core/capability.ts';
import type { Emit } from '../../../core/event.ts';
import type { ModelInfo } from '../../../core/model.ts';
import type { FrameDecoder, StreamRelay } from '../../../core/stream.ts';
import { readSse, relaySse } from '../../../wire/sse-stream.ts';
import type { ChatEndpoint, FailedResponse, ForwardedCall } from '../../contract.ts';
import type { ErrorRow } from '../error-table.ts';
import { unwrapForcedJson } from '../forced-json.ts';
import { schemaWay } from './answer-format.ts';
import { readChatAnswer, watchChatAnswer } from './decode.ts';
import { encodeChat } from './encode.ts';
import { readChatError, readChatErrorInside } from './errors.ts';
import { createForward } from './forward.ts';
import { createChatFrameDecoder } from './stream.ts';
import type { ChatTraits } from './traits.ts';

export type ChatCodec = Required<Omit<ChatEndpoint, 'request' | 'readLimits'>>;

/** What the protocol can say at all. */
const carried: readonly Capability[] = [
  'vision',
  'image-url',
  'documents',
  'audio',
  'tools',
  'structured-output',
  'reasoning',
  'logprobs',
  'choices',
];
/** What a field that the server refuses takes away. */
const carriedBy: Partial<Readonly<Record<Capability, string>>> = {
  logprobs: 'logprobs',
  choices: 'n',
  tools: 'tools',
};

export interface ChatCodecOptions {
  readonly traits: ChatTraits;
  /** The provider's own rows, ahead of the family's. */
  readonly errorRows: readonly ErrorRow[];
  readonly now: () => number;
  /** What goes into `model`; absent: the model's id. */
  readonly wireModel?: string;
}

export function createChatCodec(model: ModelInfo, options: ChatCodecOptions): ChatCodec {
  const { traits, errorRows, wireModel = model.id } = options;
  const wire = { ...model, id: wireModel };
  const inside = (body: unknown) => readChatErrorInside(errorRows, body);
  const wrapped = schemaWay(model, traits) === 'tool';
  return {
    protocol: 'openai-chat',
    model,
    carries: new Set(
      carried.filter((capability) => model.capabilities.has(capability) && can(capability, traits)),
    ),
    encode: (request) => encodeChat(request, wire, traits),
    forward: createForward(model, wireModel, traits),
    readAnswer: (body, emit) => readChatAnswer(body, wrapped ? unwrapForcedJson(emit) : emit, inside),
    watchAnswer: watchChatAnswer,
    openStream() {
      const decoder = createChatFrameDecoder(inside);
      return readSse(wrapped ? unwrapping(decoder) : decoder);
    },
    openRelay: (call) => openRelay(call, inside),
    readError: (response: FailedResponse) => readChatError(errorRows, response, options.now()),
  };
}

function can(capability: Capability, traits: ChatTraits): boolean {
  if (capability === 'documents') return traits.files;
  const field = carriedBy[capability];
  return field === undefined || !traits.refuses.includes(field);
}

/** The forced tool of structured output read back as text, over a whole stream. */
function unwrapping(family: FrameDecoder): FrameDecoder {
  let target: Emit | undefined;
  const unwrap = unwrapForcedJson((event) => target?.(event));
  const on = (emit: Emit): Emit => {
    target = emit;
    return unwrap;
  };
  return {
    frame: (frame, emit) => family.frame(frame, on(emit)),
    finish: (emit) => family.finish(on(emit)),
  };
}

/** Bytes through. What the caller did not ask for stays here, and the [DONE] that a server leaves out is added. */
function openRelay(call: ForwardedCall, inside: Parameters<typeof createChatFrameDecoder>[0]): StreamRelay {
  const decoder = createChatFrameDecoder(inside);
  const relay = relaySse(decoder, {
    noise: ['obfuscation'],
    ...(call.streamUsage ? {} : { drop: isUsageChunk }),
  });
  return {
    get skippedChars() {
      return relay.skippedChars;
    },
    push: relay.push,
    finish(emit) {
      const last = relay.finish(emit);
      if (!decoder.ended || decoder.done) return last;
      return Buffer.concat([last ?? Buffer.alloc(0), Buffer.from('data: [DONE]\n\n')]);
    },
  };
}

/** The extra chunk that `include_usage` brings: usage, and no choices. Quotes inside a string are escaped, so a key is a key. */
export function isUsageChunk(data: string): boolean {
  return /"usage"\s*:\s*\{/.test(data) && /"choices"\s*:\s*\[\s*\]/.test(data);
}
