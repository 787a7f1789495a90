/** Bedrock Converse, whole: everything of a `ChatEndpoint` but where and how the request is sent. */
import type { Capability } from '../../../core/capability.ts';
import type { Emit } from '../../../core/event.ts';
import type { ModelInfo } from '../../../core/model.ts';
import type { FrameDecoder } from '../../../core/stream.ts';
import { readAwsEventStream } from '../../../wire/aws-event-stream.ts';
import type { ChatEndpoint } from '../../contract.ts';
import type { ErrorRow } from '../error-table.ts';
import { unwrapForcedJson } from '../forced-json.ts';
import { type ReadAs, readConverse } from './decode.ts';
import { encodeConverse } from './encode.ts';
import { readAwsError, readAwsException } from './errors.ts';
import { createConverseFrameDecoder } from './stream.ts';
import { traitsOf } from './traits.ts';

export type ConverseCodec = Omit<ChatEndpoint, 'request' | 'forward' | 'openRelay'>;

export interface ConverseOptions {
  /** What the provider says in words of its own. */
  readonly errorRows: readonly ErrorRow[];
  readonly now: () => number;
}

const carried: readonly Capability[] = [
  'vision',
  'documents',
  'audio',
  'video',
  'tools',
  'structured-output',
  'reasoning',
];

export function createConverseCodec(model: ModelInfo, { errorRows, now }: ConverseOptions): ConverseCodec {
  const readAs: ReadAs = { model: model.id, family: traitsOf(model).family };
  const unwrap = (emit: Emit): Emit => (model.nativeSchema ? emit : unwrapForcedJson(emit));
  return {
    protocol: 'converse',
    model,
    carries: new Set(carried.filter((capability) => model.capabilities.has(capability))),
    encode: (request) => encodeConverse(request, model),
    readAnswer: (body, emit) => readConverse(body, unwrap(emit), readAs),
    openStream: () =>
      readAwsEventStream(unwrapped(createConverseFrameDecoder(readAs), model), {
        readFailure: (message) => readAwsException(errorRows, message),
      }),
    readError: (response) => readAwsError(errorRows, response, now()),
  };
}

/** Remembers over frames whether the forced tool answered. */
function unwrapped(decoder: FrameDecoder, model: ModelInfo): FrameDecoder {
  if (model.nativeSchema) return decoder;
  let target: Emit | undefined;
  const unwrap = unwrapForcedJson((event) => target?.(event));
  return {
    frame(frame, emit) {
      target = emit;
      decoder.frame(frame, unwrap);
    },
    finish(emit) {
      target = emit;
      decoder.finish(unwrap);
    },
  };
}
