/** Claude on Vertex AI: Anthropic's own bodies, sent by `rawPredict`. */
import { GatewayError } from '../../core/errors.ts';
import { asNumber, asObject } from '../../core/json.ts';
import type { ModelInfo } from '../../core/model.ts';
import type { ChatEndpoint, CountEndpoint, FailedResponse } from '../contract.ts';
import { createAnthropicCodec } from '../families/anthropic-messages/codec.ts';
import { anthropicErrorRows, readAnthropicError } from '../families/anthropic-messages/errors.ts';
import type { AnthropicVariant } from '../families/anthropic-messages/variant.ts';
import { type ErrorRow, readErrorTable } from '../families/error-table.ts';
import { geminiErrorRows, hideProject, readGeminiError } from '../families/gemini/errors.ts';
import { vertexBetas } from './claude-betas.ts';
import { errorRows } from './errors.ts';
import type { Post } from './post.ts';

const bodyVersion = 'vertex-2023-10-16';

const chatVariant: AnthropicVariant = {
  bodyVersion,
  modelInBody: false,
  streamInBody: true,
  betas: 'header',
  allowedBetas: vertexBetas,
  urlMedia: false,
};

/** Quotas, permissions and unknown models are refused by Google before Claude hears of them, in Google's shape. */
const rows: readonly ErrorRow[] = [...errorRows, ...anthropicErrorRows, ...geminiErrorRows];

export function isClaude(model: ModelInfo): boolean {
  return model.id.startsWith('claude');
}

export function createClaudeChat(model: ModelInfo, post: Post, now: () => number): ChatEndpoint {
  return {
    ...createAnthropicCodec(withoutSchema(model), chatVariant, rows),
    model,
    request: (body, { stream, headers }) =>
      post('anthropic', wireModel(model), stream ? 'streamRawPredict' : 'rawPredict', body, headers),
    readError: readClaudeError(now),
  };
}

/** What `count_tokens` takes of a request; it refuses the rest. */
const countedFields = [
  'anthropic_version',
  'model',
  'system',
  'messages',
  'tools',
  'tool_choice',
  'thinking',
];

/** Counting is a model of its own here, and the body names the model to count for. */
export function createClaudeCount(model: ModelInfo, post: Post, now: () => number): CountEndpoint {
  const named = { ...withoutSchema(model), id: wireModel(model) };
  const codec = createAnthropicCodec(named, { ...chatVariant, modelInBody: true });
  return {
    protocol: 'anthropic-count-tokens',
    model,
    carries: codec.carries,
    encode(request) {
      const { body, dropped } = codec.encode(request);
      return {
        body: Object.fromEntries(Object.entries(body).filter(([field]) => countedFields.includes(field))),
        dropped,
      };
    },
    forward: codec.forward,
    request: (body, { headers }) => post('anthropic', 'count-tokens', 'rawPredict', body, headers),
    readAnswer(body) {
      const inputTokens = asNumber(asObject(body)['input_tokens']);
      if (inputTokens === undefined)
        throw new GatewayError('upstream_malformed', 'The provider’s answer holds no token count.');
      return { inputTokens };
    },
    readError: readClaudeError(now),
  };
}

/** Vertex has no `output_config.format`: a forced tool stands in for a schema. */
function withoutSchema(model: ModelInfo): ModelInfo {
  return { ...model, nativeSchema: false };
}

/** Anthropic writes `claude-haiku-4-5-20251001` where Vertex writes `claude-haiku-4-5@20251001`; one chain may hold both. */
export function wireModel(model: ModelInfo): string {
  return model.id.replace(/-(\d{8})$/, '@$1');
}

export function readClaudeError(now: () => number) {
  return (response: FailedResponse): GatewayError => {
    const claude = readAnthropicError(response, now());
    // Google's own refusals say in their details how long to wait, and whether a day's quota is spent.
    const seen = /^[A-Z_]+$/.test(claude.type ?? '') ? readGeminiError(response, now()) : claude;
    return readErrorTable(rows, { ...seen, message: hideProject(seen.message) });
  };
}
