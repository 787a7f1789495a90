/** Embeddings by InvokeModel, each maker's body its own: Titan and Nova take one text a call, Cohere up to 96. */
import type { EmbeddingAnswer } from '../../core/answer.ts';
import { GatewayError } from '../../core/errors.ts';
import { asArray, asNumber, asObject, asString, isObject } from '../../core/json.ts';
import type { ModelInfo } from '../../core/model.ts';
import type { EmbeddingRequest } from '../../core/request.ts';
import type { EmbeddingEndpoint } from '../contract.ts';
import { readAwsError } from '../families/converse/errors.ts';
import { vendorOf } from '../families/converse/traits.ts';
import { errorRows } from './errors.ts';
import type { Post } from './post.ts';

const mostCohereTexts = 96;

export function createEmbeddings(model: ModelInfo, post: Post, now: () => number): EmbeddingEndpoint {
  const shape = shapeOf(model);
  return {
    protocol: 'other',
    model,
    carries: new Set(['embeddings']),
    encode(request) {
      const dropped = new Set<string>(Object.keys(request.extensions));
      if (request.endUser !== undefined) dropped.add('user');
      return { body: shape(request, dropped), dropped: [...dropped] };
    },
    request: (body, { headers }) => post(model, 'invoke', body, { stream: false, headers }),
    readAnswer: (body) => readAnswer(body, model.id),
    readError: (response) => readAwsError(errorRows, response, now()),
  };
}

type Shape = (request: EmbeddingRequest, dropped: Set<string>) => object;

function shapeOf({ id }: ModelInfo): Shape {
  if (vendorOf(id) === 'cohere') return /embed-v4/.test(id) ? cohere4 : cohere3;
  if (/nova-.*embed/.test(id)) return nova;
  return /titan-embed-(?:g1-)?text-(?:v1|01|02)/.test(id) ? titan1 : titan2;
}

/** The first Titan has one size only. */
function titan1(request: EmbeddingRequest, dropped: Set<string>): object {
  if (request.dimensions !== undefined) dropped.add('dimensions');
  return { inputText: onlyText(request, 'Titan') };
}

function titan2(request: EmbeddingRequest): object {
  return {
    inputText: onlyText(request, 'Titan'),
    ...(request.dimensions === undefined ? {} : { dimensions: request.dimensions }),
  };
}

function nova(request: EmbeddingRequest): object {
  return {
    taskType: 'SINGLE_EMBEDDING',
    singleEmbeddingParams: {
      embeddingPurpose: 'GENERIC_INDEX',
      ...(request.dimensions === undefined ? {} : { embeddingDimension: request.dimensions }),
      // A text that is too long is refused, as everywhere else, and not cut in silence.
      text: { truncationMode: 'NONE', value: onlyText(request, 'Nova') },
    },
  };
}

function cohere3(request: EmbeddingRequest, dropped: Set<string>): object {
  if (request.dimensions !== undefined) dropped.add('dimensions');
  return cohereBody(request, dropped);
}

function cohere4(request: EmbeddingRequest, dropped: Set<string>): object {
  return {
    ...cohereBody(request, dropped),
    embedding_types: ['float'],
    ...(request.dimensions === undefined ? {} : { output_dimension: request.dimensions }),
  };
}

/** Cohere must know what a text is for; a caller may say so in `input_type`, and most embed what is to be searched. */
function cohereBody(request: EmbeddingRequest, dropped: Set<string>): object {
  const texts = textsOf(request);
  if (texts.length > mostCohereTexts)
    throw new GatewayError(
      'unsupported',
      `Cohere on Bedrock embeds at most ${mostCohereTexts} texts a call, and this one has ${texts.length}; send fewer.`,
      { param: 'input' },
    );
  const purpose = asString(request.extensions['input_type']);
  dropped.delete('input_type');
  return { texts, input_type: purpose ?? 'search_document' };
}

function onlyText(request: EmbeddingRequest, maker: string): string {
  const [text, ...others] = textsOf(request);
  if (text === undefined || others.length > 0)
    throw new GatewayError(
      'unsupported',
      `${maker} on Bedrock embeds one text a call, and this one has ${request.inputs.length}; send one input at a time.`,
      { param: 'input' },
    );
  return text;
}

function textsOf(request: EmbeddingRequest): readonly string[] {
  return request.inputs.map((input) => {
    if (typeof input === 'string') return input;
    throw new GatewayError('unsupported', 'Bedrock’s embedding models take texts, not token ids.', {
      param: 'input',
    });
  });
}

function readAnswer(body: unknown, model: string): EmbeddingAnswer {
  const answer = asObject(body);
  const vectors = vectorsOf(answer).map(readVector);
  if (vectors.length === 0)
    throw new GatewayError('upstream_malformed', 'The provider’s answer holds no embeddings.');
  const inputTokens = asNumber(answer['inputTextTokenCount']);
  return { model, vectors, ...(inputTokens === undefined ? {} : { usage: { inputTokens } }) };
}

/** Titan has one `embedding`; Cohere a list of vectors, or lists by type; Nova a list of objects. */
function vectorsOf(answer: Readonly<Record<string, unknown>>): readonly unknown[] {
  const { embedding, embeddings } = answer;
  if (embedding !== undefined) return [embedding];
  if (isObject(embeddings)) return asArray(embeddings['float']);
  return asArray(embeddings).map((one) => (isObject(one) ? one['embedding'] : one));
}

function readVector(value: unknown): readonly number[] {
  const vector = asArray(value).filter((one) => typeof one === 'number');
  if (vector.length === 0 || vector.length !== asArray(value).length)
    throw new GatewayError(
      'upstream_malformed',
      'The provider’s answer holds an embedding that is no list of numbers.',
    );
  return vector;
}
