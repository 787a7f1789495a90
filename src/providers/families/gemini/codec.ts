/** Gemini's generateContent as an upstream protocol: everything of a `ChatEndpoint` but where and how the request is sent. */
import type { Capability } from '../../../core/capability.ts';
import { type MakeId, makeId } from '../../../core/ids.ts';
import type { ModelInfo } from '../../../core/model.ts';
import { readArrayOrSse } from '../../../wire/json-array-stream.ts';
import type { ChatEndpoint, FailedResponse } from '../../contract.ts';
import { type ErrorRow, readErrorTable } from '../error-table.ts';
import { encodeGenerateContent } from './encode.ts';
import { geminiErrorRows, readGeminiError, readGeminiErrorInside } from './errors.ts';
import { createGeminiFrameDecoder, type GeminiReading, readGeminiAnswer } from './stream.ts';
import { createToolNames } from './tools.ts';
import { type GeminiTraits, geminiTraits } from './traits.ts';

export type GeminiCodec = Omit<ChatEndpoint, 'request' | 'forward' | 'openRelay'>;

/** What the protocol can say at all. */
const carried: readonly Capability[] = [
  'vision',
  'image-url',
  'documents',
  'document-url',
  'audio',
  'video',
  'tools',
  'structured-output',
  'reasoning',
  'logprobs',
  'choices',
];

export interface GeminiCodecOptions {
  /** The provider's own rows, ahead of the family's. */
  readonly errorRows: readonly ErrorRow[];
  readonly now: () => number;
  /** Absent: read off the model. */
  readonly traits?: GeminiTraits;
  /** Names the calls that come without an id. */
  readonly makeId?: MakeId;
}

export function createGeminiCodec(model: ModelInfo, options: GeminiCodecOptions): GeminiCodec {
  const { errorRows } = options;
  const traits = options.traits ?? geminiTraits(model);
  const names = createToolNames();
  const reading: GeminiReading = {
    names,
    makeId: options.makeId ?? makeId,
    readError: (body) => readGeminiErrorInside(errorRows, body),
  };
  return {
    protocol: 'gemini',
    model,
    carries: new Set(carried.filter((capability) => model.capabilities.has(capability))),
    encode: (request) => encodeGenerateContent(request, model, traits, names),
    readAnswer: (body, emit) => readGeminiAnswer(body, emit, reading),
    openStream: () => readArrayOrSse(createGeminiFrameDecoder(reading)),
    readError: (response: FailedResponse) =>
      readErrorTable([...errorRows, ...geminiErrorRows], readGeminiError(response, options.now())),
  };
}
