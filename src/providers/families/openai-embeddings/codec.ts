/** OpenAI's embeddings call, shared by every server that copies it. Vectors are numbers in the neutral form, whatever the wire says. */
import type { EmbeddingCreateParams } from 'openai/resources/embeddings';
import type { EmbeddingAnswer } from '../../../core/answer.ts';
import { GatewayError } from '../../../core/errors.ts';
import { asArray, asNumber, asObject, asString, isObject } from '../../../core/json.ts';
import type { ModelInfo } from '../../../core/model.ts';
import type { EmbeddingRequest } from '../../../core/request.ts';
import type { EmbeddingEndpoint, Encoded } from '../../contract.ts';

export type EmbeddingCodec = Omit<EmbeddingEndpoint, 'request'>;

export interface EmbeddingCodecOptions {
  readonly readError: EmbeddingEndpoint['readError'];
  readonly wireModel?: string;
  /** `base64` halves the bytes where the server is known to have it; `any` (default where it is not) takes what the server gives. */
  readonly vectors: 'base64' | 'any';
}

export function createEmbeddingCodec(model: ModelInfo, options: EmbeddingCodecOptions): EmbeddingCodec {
  const wireModel = options.wireModel ?? model.id;
  const edits = Object.freeze({ set: Object.freeze({ model: JSON.stringify(wireModel) }) });
  return {
    protocol: 'openai-embeddings',
    model,
    carries: new Set(['embeddings']),
    encode: (request) => encodeEmbedding(request, wireModel, options.vectors),
    forward: () => edits,
    readAnswer: (body) => readEmbeddingAnswer(body, options.readError),
    readError: options.readError,
  };
}

function encodeEmbedding(
  request: EmbeddingRequest,
  model: string,
  vectors: EmbeddingCodecOptions['vectors'],
): Encoded {
  const body = {
    model,
    input: request.inputs.map((input) => (typeof input === 'string' ? input : [...input])) as
      | string[]
      | number[][], // all of one kind: the neutral type says so
    // Half the bytes of numbers written out, and the same precision.
    ...(vectors === 'base64' ? { encoding_format: 'base64' as const } : {}),
    ...(request.dimensions === undefined ? {} : { dimensions: request.dimensions }),
    ...(request.endUser === undefined ? {} : { user: request.endUser }),
  } satisfies EmbeddingCreateParams;
  return { body, dropped: Object.keys(request.extensions) };
}

function readEmbeddingAnswer(body: unknown, readError: EmbeddingEndpoint['readError']): EmbeddingAnswer {
  if (isObject(body) && isObject(body['error']))
    throw readError({ status: 200, headers: {}, body: JSON.stringify(body) });
  const list = asArray(asObject(body)['data']);
  if (!isObject(body) || list.length === 0) throw malformed('holds no embeddings');
  const vectors: (readonly number[] | undefined)[] = list.map(() => undefined);
  for (const [position, entry] of list.entries()) {
    const item = asObject(entry);
    const index = asNumber(item['index']) ?? position;
    // Order is by index: a hole or a doublet would give a caller another text's vector.
    if (!(index in vectors) || vectors[index] !== undefined)
      throw malformed(`has the index ${index} twice or out of range`);
    vectors[index] = readVector(item['embedding']);
  }
  const usage = asObject(body['usage']);
  const inputTokens = asNumber(usage['prompt_tokens']) ?? asNumber(usage['total_tokens']);
  return {
    model: asString(body['model']) ?? '',
    vectors: vectors.filter((vector) => vector !== undefined),
    ...(inputTokens === undefined ? {} : { usage: { inputTokens } }),
  };
}

/** Numbers, or little-endian 32-bit floats in base64. */
function readVector(value: unknown): readonly number[] {
  if (Array.isArray(value)) {
    if (value.length === 0 || !value.every((one) => typeof one === 'number'))
      throw malformed('holds an embedding that is not a list of numbers');
    return value;
  }
  if (typeof value !== 'string') throw malformed('holds an embedding that is neither numbers nor base64');
  const bytes = Buffer.from(value, 'base64');
  if (bytes.length === 0 || bytes.length % 4 !== 0)
    throw malformed('holds an embedding whose base64 is not 32-bit floats');
  return Array.from({ length: bytes.length / 4 }, (_, index) => bytes.readFloatLE(index * 4));
}

function malformed(what: string): GatewayError {
  return new GatewayError('upstream_malformed', `The provider’s answer ${what}.`);
}
