/** OpenAI's Chat Completions, Embeddings and Models, as OpenAI, Azure and compatible servers have them. */
import { asArray, asNumber, asObject, asString, isObject } from '../../core/json.ts';
import type { Ask, AskedTool, Script } from '../brain.ts';
import { pieces, tokensOf } from '../brain.ts';
import { base64Floats, embedText } from '../vectors.ts';
import { type Api, type Embedded, type Matched, type Refusal, Refused, type Rendered } from './contract.ts';

const createdS = 1_790_000_000;
const finish: Readonly<Record<Script['stop'], string>> = {
  end: 'stop',
  length: 'length',
  tool: 'tool_calls',
  sequence: 'stop',
  refusal: 'stop',
};

function openAiApi(id: string, azure: boolean): Api {
  return {
    id,
    match(path, _query, headers) {
      const deployment = /^\/openai\/deployments\/([^/]+)\/(chat\/completions|embeddings)$/.exec(path);
      if (deployment !== null) {
        return azure
          ? {
              operation: deployment[2] === 'embeddings' ? 'embedding' : 'chat',
              model: decodeURIComponent(deployment[1] ?? ''),
            }
          : undefined;
      }
      const match = /^((?:\/[\w-]+)*?)\/(chat\/completions|embeddings)$/.exec(path);
      if (match === null) return undefined;
      const isAzure = match[1] === '/openai/v1' && headers['api-key'] !== undefined;
      if (isAzure !== azure) return undefined;
      return { operation: match[2] === 'embeddings' ? 'embedding' : 'chat' };
    },
    authorized: (headers) =>
      /^Bearer \S+/.test(headers.authorization ?? '') || headers['api-key'] !== undefined,
    read: readAsk,
    headers: ({ requests, tokens }, answer) => ({
      'x-request-id': `req_${answer}`,
      ...(azure
        ? { 'apim-request-id': answer }
        : { 'openai-version': '2020-10-01', 'openai-processing-ms': '12' }),
      ...(requests === undefined
        ? {}
        : {
            'x-ratelimit-limit-requests': String(requests.limit),
            'x-ratelimit-remaining-requests': String(requests.remaining),
            'x-ratelimit-reset-requests': azure ? '10' : '1s',
          }),
      ...(tokens === undefined
        ? {}
        : {
            'x-ratelimit-limit-tokens': String(tokens.limit),
            'x-ratelimit-remaining-tokens': String(tokens.remaining),
            'x-ratelimit-reset-tokens': azure ? '10' : '6ms',
          }),
    }),
    whole: (_matched, ask, script) => wholeAnswer(ask, script, azure),
    streamType: () => 'text/event-stream; charset=utf-8',
    chunks: (_matched, ask, script, body) => streamChunks(ask, script, azure, wantsUsage(body)),
    terminalChunks: (_matched, body) => (wantsUsage(body) ? 3 : 2),
    brokenChunk: () => 'data: {"id":"chatcmpl-broken","choices":[{"index":0,"delta":{"content":"hal\n\n',
    errorChunk: () =>
      'data: {"error":{"message":"The server had an error while processing your request. Sorry about that!","type":"server_error","param":null,"code":null}}\n\n',
    refuse: (refusal, message, options) => refuse(refusal, message, options, azure),
    flex: { asked: (body) => body['service_tier'] === 'flex', full: flexFull },
    embed: (matched, body) => embeddings(matched, body),
  };
}

export const openai = openAiApi('openai', false);
export const azure = openAiApi('azure', true);

function readAsk(matched: Matched, body: Readonly<Record<string, unknown>>): Ask {
  const model = matched.model ?? asString(body['model']);
  if (model === undefined) throw new Refused('bad-request', 'you must provide a model parameter');
  const messages = asArray(body['messages']).filter(isObject);
  if (messages.length === 0)
    throw new Refused(
      'bad-request',
      "Invalid type for 'messages': expected an array of objects, but got nothing instead.",
    );
  const maxTokens = asNumber(body['max_completion_tokens']) ?? asNumber(body['max_tokens']);
  const format = asObject(body['response_format']);
  const schema = format['type'] === 'json_schema' ? asObject(format['json_schema'])['schema'] : undefined;
  const last = messages.findLast((message) => message['role'] === 'user');
  const stop = body['stop'];
  return {
    model,
    stream: body['stream'] === true,
    prompt: textOf(last?.['content']),
    inputCharacters: JSON.stringify(messages).replace(/data:[^"]*/g, '').length,
    images: countImages(messages),
    tools: asArray(body['tools']).filter(isObject).flatMap(readTool),
    toolChoice: readChoice(body['tool_choice']),
    parallel: body['parallel_tool_calls'] !== false,
    answersTools: messages.at(-1)?.['role'] === 'tool',
    stop: typeof stop === 'string' ? [stop] : asArray(stop).filter((one) => typeof one === 'string'),
    choices: asNumber(body['n']) ?? 1,
    thinking: false,
    logprobs: body['logprobs'] === true,
    cachedCharacters: 0,
    ...beginningOf(messages[0]),
    ...(maxTokens === undefined ? {} : { maxTokens }),
    ...(schema === undefined ? {} : { schema }),
    ...(format['type'] === 'json_object' ? { json: true } : {}),
  };
}

/** What the system says is alike in many requests; what the user says is not. */
function beginningOf(first: Readonly<Record<string, unknown>> | undefined): Pick<Ask, 'beginning'> {
  const role = first?.['role'];
  return role === 'system' || role === 'developer' ? { beginning: textOf(first?.['content']) } : {};
}

function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  return asArray(content)
    .map((part) => asString(asObject(part)['text']) ?? '')
    .join('');
}

function countImages(messages: readonly Readonly<Record<string, unknown>>[]): number {
  return messages
    .flatMap((message) => asArray(message['content']))
    .filter((part) => asObject(part)['type'] === 'image_url').length;
}

function readTool(tool: Readonly<Record<string, unknown>>): AskedTool[] {
  const named = asObject(tool['function']);
  const name = asString(named['name']);
  if (name === undefined)
    throw new Refused('bad-request', "Missing required parameter: 'tools[0].function'.");
  return [{ name, schema: named['parameters'] }];
}

function readChoice(choice: unknown): Ask['toolChoice'] {
  if (choice === 'none' || choice === 'required') return choice;
  const name = asString(asObject(asObject(choice)['function'])['name']);
  return name === undefined ? 'auto' : { name };
}

function wantsUsage(body: Readonly<Record<string, unknown>>): boolean {
  return asObject(body['stream_options'])['include_usage'] === true;
}

function usageOf(ask: Ask, script: Script): object {
  const completion = script.usage.output * ask.choices;
  return {
    prompt_tokens: script.usage.input,
    completion_tokens: completion,
    total_tokens: script.usage.input + completion,
    prompt_tokens_details: { cached_tokens: script.usage.read ?? 0, audio_tokens: 0 },
    completion_tokens_details: {
      reasoning_tokens: script.usage.thinking,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  };
}

/** Of tokens that are all as probable. */
function logprobsOf(tokens: readonly string[], { certainty = 0.99 }: Script): object {
  const logprob = Math.log(Math.max(certainty, 1e-4));
  const content = tokens.map((token) => ({
    token,
    logprob,
    bytes: [...Buffer.from(token)],
    top_logprobs: [],
  }));
  return { content, refusal: null };
}

const safe = {
  hate: { filtered: false, severity: 'safe' },
  self_harm: { filtered: false, severity: 'safe' },
  sexual: { filtered: false, severity: 'safe' },
  violence: { filtered: false, severity: 'safe' },
};

function callsOf(script: Script): object[] {
  return script.calls.map((call) => ({
    id: `call_${call.id}`,
    type: 'function',
    function: { name: call.name, arguments: JSON.stringify(call.arguments) },
  }));
}

function wholeAnswer(ask: Ask, script: Script, azureShape: boolean): object {
  const refusal = script.stop === 'refusal' ? "I'm sorry, I can't help with that." : null;
  const message = {
    role: 'assistant',
    content: script.calls.length > 0 || refusal !== null ? null : script.text,
    refusal,
    annotations: [],
    ...(script.calls.length > 0 ? { tool_calls: callsOf(script) } : {}),
  };
  const choices = Array.from({ length: ask.choices }, (_, index) => ({
    index,
    message,
    logprobs: ask.logprobs === true ? logprobsOf(pieces(script.text), script) : null,
    finish_reason: finish[script.stop],
    ...(azureShape ? { content_filter_results: safe } : {}),
  }));
  return {
    id: `chatcmpl-${script.id}`,
    object: 'chat.completion',
    created: createdS,
    model: ask.model,
    choices,
    usage: usageOf(ask, script),
    service_tier: ask.tier ?? 'default',
    system_fingerprint: 'fp_simulated',
    ...(azureShape ? { prompt_filter_results: [{ prompt_index: 0, content_filter_results: safe }] } : {}),
  };
}

function streamChunks(ask: Ask, script: Script, azureShape: boolean, usage: boolean): readonly string[] {
  const head = {
    id: `chatcmpl-${script.id}`,
    object: 'chat.completion.chunk',
    created: createdS,
    model: ask.model,
    service_tier: ask.tier ?? 'default',
    system_fingerprint: 'fp_simulated',
  };
  const tail = usage ? { usage: null } : {};
  const chunk = (
    index: number,
    delta: object,
    reason: string | null,
    logprobs: object | null = null,
  ): string =>
    `data: ${JSON.stringify({ ...head, choices: [{ index, delta, logprobs, finish_reason: reason }], ...tail })}\n\n`;
  const list: string[] = [];
  if (azureShape) {
    list.push(
      `data: ${JSON.stringify({ choices: [], created: 0, id: '', model: '', object: '', prompt_filter_results: [{ prompt_index: 0, content_filter_results: safe }] })}\n\n`,
    );
  }
  for (let index = 0; index < ask.choices; index++) {
    list.push(
      chunk(index, { role: 'assistant', content: script.calls.length > 0 ? null : '', refusal: null }, null),
    );
    if (script.stop === 'refusal')
      list.push(chunk(index, { refusal: "I'm sorry, I can't help with that." }, null));
    else
      for (const content of pieces(script.text))
        list.push(
          chunk(index, { content }, null, ask.logprobs === true ? logprobsOf([content], script) : null),
        );
    for (const [position, call] of script.calls.entries()) {
      list.push(
        chunk(
          index,
          {
            tool_calls: [
              {
                index: position,
                id: `call_${call.id}`,
                type: 'function',
                function: { name: call.name, arguments: '' },
              },
            ],
          },
          null,
        ),
      );
      for (const part of JSON.stringify(call.arguments).match(/.{1,12}/gs) ?? [])
        list.push(chunk(index, { tool_calls: [{ index: position, function: { arguments: part } }] }, null));
    }
    list.push(chunk(index, {}, finish[script.stop]));
  }
  if (usage) list.push(`data: ${JSON.stringify({ ...head, choices: [], usage: usageOf(ask, script) })}\n\n`);
  list.push('data: [DONE]\n\n');
  return list;
}

const rows: Readonly<
  Record<Refusal, { status: number; type: string; code: string | null; message?: string }>
> = {
  'bad-request': { status: 400, type: 'invalid_request_error', code: null },
  auth: {
    status: 401,
    type: 'invalid_request_error',
    code: 'invalid_api_key',
    message: 'Incorrect API key provided.',
  },
  'not-found': {
    status: 404,
    type: 'invalid_request_error',
    code: 'model_not_found',
    message: 'The model does not exist or you do not have access to it.',
  },
  'rate-limit': {
    status: 429,
    type: 'tokens',
    code: 'rate_limit_exceeded',
    message: 'Rate limit reached on tokens per min (TPM).',
  },
  quota: {
    status: 429,
    type: 'insufficient_quota',
    code: 'insufficient_quota',
    message: 'You exceeded your current quota, please check your plan and billing details.',
  },
  'context-too-long': {
    status: 400,
    type: 'invalid_request_error',
    code: 'context_length_exceeded',
    message: "This model's maximum context length is 128000 tokens.",
  },
  'content-filter': {
    status: 400,
    type: 'invalid_request_error',
    code: 'content_filter',
    message: 'The response was filtered due to the prompt triggering content management policy.',
  },
  overloaded: {
    status: 503,
    type: 'server_error',
    code: null,
    message: 'That model is currently overloaded with other requests.',
  },
  'server-error': {
    status: 500,
    type: 'server_error',
    code: null,
    message: 'The server had an error while processing your request. Sorry about that!',
  },
};

function refuse(
  refusal: Refusal,
  message: string,
  options: { readonly status?: number; readonly retryAfterS?: number },
  azureShape: boolean,
) {
  const row = rows[refusal];
  const text = message === '' ? (row.message ?? 'The request is invalid.') : message;
  const code = azureShape && (refusal === 'auth' || refusal === 'rate-limit') ? String(row.status) : row.code;
  const error =
    azureShape && refusal === 'auth'
      ? { code, message: text }
      : { message: text, type: row.type, param: null, code };
  const wait = options.retryAfterS;
  return {
    status: options.status ?? row.status,
    headers:
      wait === undefined
        ? {}
        : { 'retry-after': String(Math.ceil(wait)), 'retry-after-ms': String(Math.ceil(wait * 1000)) },
    body: JSON.stringify({ error }),
  };
}

/** Not a limit: the limits’ headers are not sent. */
function flexFull(): Rendered {
  const error = {
    message: 'Resource Unavailable. Try again later, or with another service tier.',
    type: 'server_error',
    param: null,
    code: 'resource_unavailable',
  };
  return { status: 429, headers: {}, body: JSON.stringify({ error }) };
}

function embeddings(matched: Matched, body: Readonly<Record<string, unknown>>): Embedded {
  const input = body['input'];
  const list =
    typeof input === 'string'
      ? [input]
      : asArray(input).every((one) => typeof one === 'number')
        ? [input]
        : asArray(input);
  const dimensions = asNumber(body['dimensions']) ?? 64;
  const texts = list.map((one) => (typeof one === 'string' ? one : JSON.stringify(one ?? null)));
  const tokens = texts.reduce((sum, text) => sum + tokensOf(text.length), 0);
  const answer = {
    object: 'list',
    data: texts.map((text, index) => {
      const vector = embedText(text, dimensions);
      return {
        object: 'embedding',
        index,
        embedding: body['encoding_format'] === 'base64' ? base64Floats(vector) : vector,
      };
    }),
    model: matched.model ?? asString(body['model']) ?? '',
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  };
  return { answer, inputTokens: tokens };
}
