/** Gemini on Vertex AI: the family's codec, and which verb does what. */

import type { GatewayError } from '../../core/errors.ts';
import type { ModelInfo } from '../../core/model.ts';
import type { ChatEndpoint, CountEndpoint, EmbeddingEndpoint, FailedResponse } from '../contract.ts';
import { readErrorTable } from '../families/error-table.ts';
import { atFlex } from '../families/flex.ts';
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

/**
 * Flex is asked for by headers here; `serviceTier` in the body is the Gemini Developer API's way. Both headers: without the first a reserved
 * throughput would be used up before the tier is. Only the location `global` has it: others ignore it, and bill in full. Google waits up to
 * 30 minutes for room (docs.cloud.google.com, gemini-enterprise-agent-platform/models/flex-paygo, November 2026).
 */
const flexHeaders: Readonly<Record<string, string>> = {
  'x-vertex-ai-llm-request-type': 'shared',
  'x-vertex-ai-llm-shared-request-type': 'flex',
  'x-server-timeout': '1800',
};

/** A full tier answers 429 RESOURCE_EXHAUSTED, as a spent quota does. */
export function createGeminiFlex(model: ModelInfo, post: Post, now: () => number): ChatEndpoint {
  return atFlex(createGeminiChat(model, post, now), { headers: flexHeaders, throttleIsRefusal: true });
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
