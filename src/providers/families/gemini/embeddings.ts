/**
 * Google's embeddings, in their two forms: `:predict` with instances (text-embedding models, gemini-embedding-001) and
 * `:embedContent` (newer Gemini embedding models), which takes one text a call.
 */
import type { ContentEmbedding } from '@google/genai';
import type { EmbeddingAnswer } from '../../../core/answer.ts';
import { GatewayError } from '../../../core/errors.ts';
import { asArray, asNumber, asObject, isObject } from '../../../core/json.ts';
import type { ModelInfo } from '../../../core/model.ts';
import type { EmbeddingRequest } from '../../../core/request.ts';
import type { EmbeddingEndpoint, Encoded } from '../../contract.ts';
import { type ErrorRow, readErrorTable } from '../error-table.ts';
import { geminiErrorRows, readGeminiError } from './errors.ts';

export type EmbeddingVerb = 'predict' | 'embedContent';

export type GeminiEmbeddingCodec = Omit<EmbeddingEndpoint, 'request'>;

export interface GeminiEmbeddingOptions {
  readonly verb: EmbeddingVerb;
  readonly errorRows: readonly ErrorRow[];
  readonly now: () => number;
}

/** How Vertex serves this model. */
export function embeddingVerb(model: ModelInfo): EmbeddingVerb {
  return /^gemini-embedding-(?!001\b)/.test(model.id) ? 'embedContent' : 'predict';
}

export function createGeminiEmbeddingCodec(
  model: ModelInfo,
  { verb, errorRows, now }: GeminiEmbeddingOptions,
): GeminiEmbeddingCodec {
  return {
    protocol: 'other',
    model,
    carries: new Set(['embeddings']),
    encode: (request) => (verb === 'predict' ? encodePredict(request) : encodeContent(request, model)),
    readAnswer: (body) => (verb === 'predict' ? readPredict(body, model) : readContent(body, model)),
    readError: (response) =>
      readErrorTable([...errorRows, ...geminiErrorRows], readGeminiError(response, now())),
  };
}

function encodePredict(request: EmbeddingRequest): Encoded {
  const { dimensions } = request;
  const body = {
    instances: texts(request).map((content) => ({ content })),
    ...(dimensions === undefined ? {} : { parameters: { outputDimensionality: dimensions } }),
  };
  return { body, dropped: droppedFields(request) };
}

function encodeContent(request: EmbeddingRequest, model: ModelInfo): Encoded {
  const { dimensions } = request;
  const [text, ...more] = texts(request);
  if (text === undefined || more.length > 0)
    throw new GatewayError(
      'unsupported',
      `${model.id} embeds one text a call; the request has ${request.inputs.length}.`,
      { param: 'input' },
    );
  const body = {
    content: { role: 'user', parts: [{ text }] },
    ...(dimensions === undefined ? {} : { outputDimensionality: dimensions }),
  };
  return { body, dropped: droppedFields(request) };
}

function texts(request: EmbeddingRequest): readonly string[] {
  return request.inputs.map((input) => {
    if (typeof input === 'string') return input;
    throw new GatewayError('unsupported', 'Token ids of another provider mean nothing here; send text.', {
      param: 'input',
    });
  });
}

function droppedFields(request: EmbeddingRequest): readonly string[] {
  return [...Object.keys(request.extensions), ...(request.endUser === undefined ? [] : ['user'])];
}

function readPredict(body: unknown, model: ModelInfo): EmbeddingAnswer {
  const embeddings = asArray(asObject(body)['predictions']).map((one) =>
    asObject(asObject(one)['embeddings']),
  );
  if (embeddings.length === 0) throw noEmbeddings();
  const counts = embeddings.map((one) => asNumber(asObject(one['statistics'])['token_count']));
  const known = counts.filter((count) => count !== undefined);
  const inputTokens = known.reduce((sum, count) => sum + count, 0);
  return {
    model: model.id,
    vectors: embeddings.map(readVector),
    ...(known.length === 0 ? {} : { usage: { inputTokens } }),
  };
}

function readContent(body: unknown, model: ModelInfo): EmbeddingAnswer {
  const embedding = asObject(body)['embedding'];
  if (!isObject(embedding)) throw noEmbeddings();
  const inputTokens = asNumber(asObject(asObject(body)['usageMetadata'])['promptTokenCount']);
  return {
    model: model.id,
    vectors: [readVector(embedding)],
    ...(inputTokens === undefined ? {} : { usage: { inputTokens } }),
  };
}

function readVector(embedding: { readonly [K in keyof ContentEmbedding]?: unknown }): readonly number[] {
  const values = asArray(embedding['values']).filter((value) => typeof value === 'number');
  if (values.length === 0) throw noEmbeddings();
  return values;
}

function noEmbeddings(): GatewayError {
  return new GatewayError('upstream_malformed', 'The provider’s answer holds no embeddings.');
}
