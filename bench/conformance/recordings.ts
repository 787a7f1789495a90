/** Recorded exchanges, and the codec that each belongs to. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { modelInfo } from '../../src/catalog/catalog.ts';
import { systemClock } from '../../src/core/clock.ts';
import type { ChatEndpoint, EmbeddingEndpoint } from '../../src/providers/contract.ts';
import { providerTypes } from '../../src/providers/registry.ts';
import { writeAwsException, writeAwsFrame } from '../../src/wire/aws-event-stream.ts';

export interface Recording {
  readonly case: string;
  readonly request?: {
    readonly url: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: unknown;
  };
  readonly response: {
    readonly status: number;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: unknown;
    readonly body_text?: string;
    readonly sse?: readonly string[];
    readonly events?: readonly {
      readonly headers: Readonly<Record<string, string>>;
      readonly payload: Readonly<Record<string, unknown>>;
    }[];
    readonly raw_base64?: string;
  };
}

export function readRecordings(folder: string): readonly Recording[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap((entry) => readdirSync(join(folder, entry.name)).map((file) => join(folder, entry.name, file)))
    .filter((file) => file.endsWith('.json'))
    .sort()
    .map((file): Recording => JSON.parse(readFileSync(file, 'utf8')));
}

/** The settings that make a provider of each type answer for a recording; nothing is ever sent. */
const settings: Readonly<Record<string, object>> = {
  openai: { api_key: 'x' },
  azure: { endpoint: 'http://127.0.0.1', api_key: 'x' },
  anthropic: { api_key: 'x' },
  vertex: { project: 'x', access_token: 'x' },
  bedrock: { region: 'us-east-1', bearer_token: 'x' },
  'openai-compatible': { base_url: 'http://127.0.0.1' },
};

const types: Readonly<Record<string, string>> = {
  'openai-chat': 'openai',
  'openai-embeddings': 'openai',
  'azure-openai': 'azure',
  anthropic: 'anthropic',
  'vertex-claude': 'vertex',
  'vertex-gemini': 'vertex',
  'gemini-aistudio': 'vertex',
  'bedrock-converse': 'bedrock',
  'bedrock-invoke': 'bedrock',
  'bedrock-mantle': 'openai-compatible',
  'openai-compatible': 'openai-compatible',
};

export type Subject =
  | { readonly kind: 'chat'; readonly endpoint: ChatEndpoint }
  | { readonly kind: 'embedding'; readonly endpoint: EmbeddingEndpoint }
  | { readonly kind: 'count'; readonly readAnswer: (body: unknown) => { readonly inputTokens: number } }
  | { readonly kind: 'other'; readonly why: string };

export function subjectOf(recording: Recording): Subject {
  const folder = recording.case.split('/')[0] ?? '';
  const url = decodeURIComponent(recording.request?.url ?? '');
  if (folder === 'openai-responses' || /\/responses\b/.test(url) || recording.case.includes('responses'))
    return { kind: 'other', why: 'the Responses API is not a protocol of this version' };
  if (/cachedContents/.test(url)) return { kind: 'other', why: 'managing cached contents is no inference' };
  const type =
    recording.case === 'gemini-aistudio/openai-compat-tool-call-no-id'
      ? 'openai-compatible'
      : (types[folder] ?? '');
  if (/bedrock-invoke\/nova/.test(recording.case))
    return { kind: 'other', why: 'Nova is called by Converse, not by its own Invoke body' };
  const provider = create(type, folder);
  const model = modelInfo(modelOf(folder, url, recording));
  if (/embed|:predict/i.test(url) || folder === 'openai-embeddings' || recording.case.includes('embed')) {
    const endpoint = provider.embeddings?.(model);
    return endpoint === undefined
      ? { kind: 'other', why: 'no embeddings here' }
      : { kind: 'embedding', endpoint };
  }
  if (/count_tokens|countTokens|count-tokens/.test(url + recording.case)) {
    const counter = provider.countTokens?.(model);
    return counter === undefined
      ? { kind: 'other', why: 'token counting of this transport is not offered' }
      : { kind: 'count', readAnswer: counter.readAnswer };
  }
  const endpoint = provider.chat?.(model);
  return endpoint === undefined ? { kind: 'other', why: 'no chat here' } : { kind: 'chat', endpoint };
}

function create(type: string, folder: string) {
  const found = providerTypes[type];
  if (found === undefined) throw new Error(`no provider type for ${folder}`);
  return found.create(
    type,
    found.settings.parse({
      ...settings[type],
      ...(folder === 'bedrock-converse' ? { api: 'converse' } : {}),
    }),
    { env: {}, clock: systemClock },
  );
}

/** A quoted error has no request: any model of the right kind will do. */
function modelOf(folder: string, url: string, recording: Recording): string {
  const named =
    /\/models?\/([^:]+?)(?::\w+|\/(?:converse|invoke)[\w-]*)(?:\?|$)/.exec(url)?.[1] ??
    /\/model\/(.+?)\/(?:converse|invoke)/.exec(url)?.[1];
  if (named !== undefined) return named;
  const body = recording.request?.body;
  const inBody =
    typeof body === 'object' && body !== null && 'model' in body && typeof body.model === 'string'
      ? body.model
      : undefined;
  if (inBody !== undefined) return inBody;
  return folder === 'vertex-claude'
    ? 'claude-sonnet-4-5'
    : folder === 'bedrock-invoke'
      ? 'anthropic.claude-sonnet-4-5'
      : 'some-model';
}

/** The stream as it came off the wire; absent where the answer was whole. */
export function streamBytes({ response }: Recording): Buffer | undefined {
  if (response.raw_base64 !== undefined) return Buffer.from(response.raw_base64, 'base64');
  if (response.sse !== undefined) return Buffer.from(`${response.sse.join('\n\n')}\n\n`);
  if (response.events === undefined) return undefined;
  return Buffer.concat(
    response.events.map(({ headers, payload }) => {
      const { bytes_decoded: _ours, ...wire } = payload;
      return headers[':message-type'] === 'exception'
        ? writeAwsException(headers[':exception-type'] ?? '', wire)
        : writeAwsFrame(headers[':event-type'] ?? '', wire);
    }),
  );
}
