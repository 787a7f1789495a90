/** OpenAI Embeddings. The official SDK asks for base64 unless told otherwise, and decodes it itself. */
import type { CreateEmbeddingResponse, Embedding } from 'openai/resources/embeddings';
import type { EmbeddingAnswer } from '../../../core/answer.ts';
import type { ScannedBody } from '../../../core/body.ts';
import { bytesPerToken } from '../../../core/estimate.ts';
import type { Facts } from '../../../core/facts.ts';
import { present } from '../../../core/present.ts';
import type { EmbeddingRequest } from '../../../core/request.ts';
import { readField } from '../../../wire/json-scan.ts';
import type { EmbeddingDialect } from '../contract.ts';
import { encodeChatError } from './chat/errors.ts';
import {
  type Fields,
  invalid,
  kindOf,
  oneOf,
  optionalNumber,
  optionalString,
  requireObject,
  requireString,
} from './read.ts';

/** What OpenAI takes in one call. */
const maxInputs = 2048;
const known = new Set(['model', 'input', 'dimensions', 'encoding_format', 'user']);

export const embeddings: EmbeddingDialect = {
  id: 'openai-embeddings',
  operation: 'embedding',
  protocol: 'openai-embeddings',
  path: '/v1/embeddings',
  forwardedHeaders: [],
  inspect,
  decode,
  encodeAnswer,
  encodeError: encodeChatError,
};

function inspect(body: ScannedBody): Facts {
  const model = requireString(readField(body, 'model'), 'model');
  const input = body.fields.get('input');
  const inputTokens = input === undefined ? 0 : Math.ceil((input.end - input.start) / bytesPerToken);
  return {
    operation: 'embedding',
    model,
    stream: false,
    inputTokens,
    needs: ['embeddings'],
    nativeOnly: false,
  };
}

function decode(body: unknown): EmbeddingRequest {
  const fields = requireObject(body, 'body');
  return {
    kind: 'embedding',
    model: requireString(fields['model'], 'model'),
    inputs: decodeInputs(fields),
    encoding: oneOf(fields, 'encoding_format', ['float', 'base64'] as const) ?? 'float',
    extensions: Object.fromEntries(Object.entries(fields).filter(([name]) => !known.has(name))),
    ...present({
      dimensions: optionalNumber(fields, 'dimensions', 1, 100_000, true),
      endUser: optionalString(fields, 'user'),
    }),
  };
}

/** A text, texts, a list of token ids, or lists of them. */
function decodeInputs(fields: Fields): EmbeddingRequest['inputs'] {
  const { input } = fields;
  if (typeof input === 'string') return [requireText(input, 'input')];
  if (!Array.isArray(input) || input.length === 0)
    throw invalid('input', `expected a string or a list that is not empty, but got ${kindOf(input)}.`);
  if (input.length > maxInputs && typeof input[0] !== 'number')
    throw invalid('input', `expected at most ${maxInputs} inputs, but got ${input.length}.`);
  if (typeof input[0] === 'number') return [requireIds(input, 'input')];
  if (Array.isArray(input[0])) return input.map((one, position) => requireIds(one, `input[${position}]`));
  return input.map((one, position) =>
    requireText(requireString(one, `input[${position}]`), `input[${position}]`),
  );
}

function requireText(text: string, param: string): string {
  if (text === '') throw invalid(param, 'an empty text has no embedding.');
  return text;
}

function requireIds(value: unknown, param: string): readonly number[] {
  if (Array.isArray(value) && value.length > 0 && value.every((id) => Number.isInteger(id))) return value;
  throw invalid(param, 'expected a list of token ids that is not empty.');
}

/** The SDK's type knows numbers alone; base64 is what it asked the wire for. */
type WireAnswer = Omit<CreateEmbeddingResponse, 'data'> & {
  readonly data: readonly (Omit<Embedding, 'embedding'> & { readonly embedding: number[] | string })[];
};

function encodeAnswer(answer: EmbeddingAnswer, request: EmbeddingRequest): object {
  const tokens = answer.usage?.inputTokens ?? 0;
  return {
    object: 'list',
    model: answer.model,
    data: answer.vectors.map((vector, index) => ({
      object: 'embedding',
      index,
      embedding: request.encoding === 'base64' ? toBase64(vector) : [...vector],
    })),
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  } satisfies WireAnswer;
}

function toBase64(vector: readonly number[]): string {
  const bytes = Buffer.allocUnsafe(vector.length * 4);
  for (const [index, value] of vector.entries()) bytes.writeFloatLE(value, index * 4);
  return bytes.toString('base64');
}
