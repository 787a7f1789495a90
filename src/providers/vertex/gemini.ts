/** Gemini on Vertex AI: the family's codec, and which verb does what. */

import type { GatewayError } from '../../core/errors.ts';
import type { ModelInfo } from '../../core/model.ts';
import type { ChatEndpoint, CountEndpoint, EmbeddingEndpoint, FailedResponse } from '../contract.ts';
import { readErrorTable } from '../families/error-table.ts';
import { createGeminiCodec } from '../families/gemini/codec.ts';
import { createGeminiCountCodec } from '../families/gemini/count.ts';
import { createGeminiEmbeddingCodec, embeddingVerb } from '../families/gemini/embeddings.ts';
import { geminiErrorRows, readGeminiError } from '../families/gemini/errors.ts';
import { errorRows } from './errors.ts';
import type { Post } from './post.ts';

export function createGeminiChat(model: ModelInfo, post: Post, now: () => number): ChatEndpoint {
  return {
    ...createGeminiCodec(model, { errorRows, now }),
    request: (body, { stream, headers }) =>
      post('google', model.id, stream ? 'streamGenerateContent?alt=sse' : 'generateContent', body, headers),
  };
}

export function createGeminiCount(model: ModelInfo, post: Post, now: () => number): CountEndpoint {
  return {
    ...createGeminiCountCodec(model, { errorRows, now }),
    request: (body, { headers }) => post('google', model.id, 'countTokens', body, headers),
  };
}

export function createGeminiEmbeddings(model: ModelInfo, post: Post, now: () => number): EmbeddingEndpoint {
  const verb = embeddingVerb(model);
  return {
    ...createGeminiEmbeddingCodec(model, { verb, errorRows, now }),
    request: (body, { headers }) => post('google', model.id, verb, body, headers),
  };
}

export function readGeminiFailure(now: () => number) {
  return (response: FailedResponse): GatewayError =>
    readErrorTable([...errorRows, ...geminiErrorRows], readGeminiError(response, now()));
}
