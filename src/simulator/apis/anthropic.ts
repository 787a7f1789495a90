/** Anthropic Messages and count_tokens; also Claude behind Vertex and Bedrock, whose URLs name the model. */
import { asArray, asNumber, asObject, asString, isObject } from '../../core/json.ts';
import { type Ask, pieces, type Script, tokensOf } from '../brain.ts';
import { type Api, type Matched, type Refusal, Refused, type Rendered } from './contract.ts';

const stops: Readonly<Record<Script['stop'], string>> = {
  end: 'end_turn',
  length: 'max_tokens',
  tool: 'tool_use',
  sequence: 'stop_sequence',
  refusal: 'refusal',
};

export const anthropic: Api = {
  id: 'anthropic',
  match(path) {
    if (path.endsWith('/v1/messages')) return { operation: 'chat' };
    return path.endsWith('/v1/messages/count_tokens') ? { operation: 'count-tokens' } : undefined;
  },
  authorized: (headers) =>
    headers['x-api-key'] !== undefined || /^Bearer \S+/.test(headers.authorization ?? ''),
  read: readClaude,
  headers: ({ requests, tokens }, answer) => ({
    'request-id': `req_${answer}`,
    ...(requests === undefined ? {} : limitHeaders('requests', requests)),
    ...(tokens === undefined ? {} : limitHeaders('input-tokens', tokens)),
  }),
  whole: (_matched, ask, script) => claudeMessage(ask, script),
  streamType: () => 'text/event-stream; charset=utf-8',
  chunks: (_matched, ask, script) => claudeEvents(ask, script).map(toSse),
  terminalChunks: () => 2,
  brokenChunk: () =>
    'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_del\n\n',
  errorChunk: () => toSse({ type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }),
  refuse: refuseClaude,
  count: (ask) => ({ input_tokens: tokensOf(ask.inputCharacters) }),
};

export function readClaude(matched: Matched, body: Readonly<Record<string, unknown>>): Ask {
  const model = matched.model ?? asString(body['model']);
  if (model === undefined) throw new Refused('bad-request', 'model: Field required');
  const maxTokens = asNumber(body['max_tokens']);
  if (maxTokens === undefined && matched.operation === 'chat')
    throw new Refused('bad-request', 'max_tokens: Field required');
  const messages = asArray(body['messages']).filter(isObject);
  if (messages.length === 0) throw new Refused('bad-request', 'messages: at least one message is required');
  const blocks = messages.flatMap((message) => asArray(message['content'])).filter(isObject);
  if (blocks.some((block) => block['type'] === 'text' && block['text'] === ''))
    throw new Refused('bad-request', 'messages: text content blocks must be non-empty');
  for (const id of blocks.map((block) => asString(block['tool_use_id']) ?? asString(block['id']))) {
    if (id !== undefined && !/^[a-zA-Z0-9_-]+$/.test(id))
      throw new Refused(
        'bad-request',
        "messages.1.content.0.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'",
      );
  }
  const thinking = asString(asObject(body['thinking'])['type']);
  const choice = asObject(body['tool_choice']);
  if (thinking === 'enabled' && (choice['type'] === 'any' || choice['type'] === 'tool'))
    throw new Refused('bad-request', 'Thinking may not be enabled when tool_choice forces tool use.');
  const schema = asObject(asObject(body['output_config'])['format'])['schema'];
  const lastUser = messages.findLast((message) => message['role'] === 'user');
  const marked = JSON.stringify(body).lastIndexOf('"cache_control"');
  return {
    model,
    stream: matched.stream ?? body['stream'] === true,
    prompt: textOf(lastUser?.['content']),
    inputCharacters: JSON.stringify([body['system'], messages, body['tools']]).replace(/"data":"[^"]*"/g, '')
      .length,
    images: blocks.filter((block) => block['type'] === 'image').length,
    tools: asArray(body['tools'])
      .filter(isObject)
      .map((tool) => ({ name: asString(tool['name']) ?? '', schema: tool['input_schema'] })),
    toolChoice: readChoice(choice),
    parallel: choice['disable_parallel_tool_use'] !== true,
    answersTools: asArray(lastUser?.['content']).some((block) => asObject(block)['type'] === 'tool_result'),
    stop: asArray(body['stop_sequences']).filter((one) => typeof one === 'string'),
    choices: 1,
    thinking: thinking === 'enabled' || thinking === 'adaptive',
    cachedCharacters: marked < 0 ? 0 : Math.floor(marked / 2),
    ...(maxTokens === undefined ? {} : { maxTokens }),
    ...(schema === undefined ? {} : { schema }),
  };
}

function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  return asArray(content)
    .map((part) => asString(asObject(part)['text']) ?? '')
    .join('');
}

function readChoice(choice: Readonly<Record<string, unknown>>): Ask['toolChoice'] {
  if (choice['type'] === 'none') return 'none';
  if (choice['type'] === 'any') return 'required';
  const name = asString(choice['name']);
  return name === undefined ? 'auto' : { name };
}

function usageOf(script: Script, output: number): object {
  return {
    input_tokens: script.usage.input,
    cache_creation_input_tokens: script.usage.cached,
    cache_read_input_tokens: 0,
    cache_creation: { ephemeral_5m_input_tokens: script.usage.cached, ephemeral_1h_input_tokens: 0 },
    output_tokens: output,
    service_tier: 'standard',
  };
}

const signature = (script: Script): string =>
  Buffer.from(`signed:${script.id}:${script.thinking}`).toString('base64');

export function claudeMessage(ask: Ask, script: Script): object {
  return {
    id: `msg_${script.id}`,
    type: 'message',
    role: 'assistant',
    model: ask.model,
    content: [
      ...(script.thinking === ''
        ? []
        : [{ type: 'thinking', thinking: script.thinking, signature: signature(script) }]),
      ...(script.text === '' ? [] : [{ type: 'text', text: script.text }]),
      ...script.calls.map((call) => ({
        type: 'tool_use',
        id: `toolu_${call.id}`,
        name: call.name,
        input: call.arguments,
      })),
    ],
    stop_reason: stops[script.stop],
    stop_sequence: script.sequence ?? null,
    usage: usageOf(script, script.usage.output),
  };
}

export interface ClaudeEvent {
  readonly type: string;
  readonly [field: string]: unknown;
}

export function claudeEvents(ask: Ask, script: Script): readonly ClaudeEvent[] {
  const events: ClaudeEvent[] = [
    {
      type: 'message_start',
      message: {
        ...claudeMessage(ask, script),
        content: [],
        stop_reason: null,
        stop_sequence: null,
        usage: usageOf(script, 1),
      },
    },
  ];
  let index = 0;
  const block = (start: object, deltas: readonly object[]): void => {
    events.push({ type: 'content_block_start', index, content_block: start });
    if (index === 0) events.push({ type: 'ping' });
    for (const delta of deltas) events.push({ type: 'content_block_delta', index, delta });
    events.push({ type: 'content_block_stop', index });
    index += 1;
  };
  if (script.thinking !== '') {
    const deltas = pieces(script.thinking).map((thinking) => ({ type: 'thinking_delta', thinking }));
    block({ type: 'thinking', thinking: '', signature: '' }, [
      ...deltas,
      { type: 'signature_delta', signature: signature(script) },
    ]);
  }
  if (script.text !== '')
    block(
      { type: 'text', text: '' },
      pieces(script.text).map((text) => ({ type: 'text_delta', text })),
    );
  for (const call of script.calls) {
    const parts = JSON.stringify(call.arguments).match(/.{1,12}/gs) ?? [];
    block(
      { type: 'tool_use', id: `toolu_${call.id}`, name: call.name, input: {} },
      ['', ...parts].map((partial_json) => ({ type: 'input_json_delta', partial_json })),
    );
  }
  events.push({
    type: 'message_delta',
    delta: { stop_reason: stops[script.stop], stop_sequence: script.sequence ?? null },
    usage: { output_tokens: script.usage.output },
  });
  events.push({ type: 'message_stop' });
  return events;
}

export function toSse(event: ClaudeEvent): string {
  return `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}

const rows: Readonly<Record<Refusal, { status: number; type: string; message: string }>> = {
  'bad-request': { status: 400, type: 'invalid_request_error', message: 'Invalid request' },
  auth: { status: 401, type: 'authentication_error', message: 'invalid x-api-key' },
  'not-found': { status: 404, type: 'not_found_error', message: 'model: unknown' },
  'rate-limit': {
    status: 429,
    type: 'rate_limit_error',
    message: "This request would exceed your account's rate limit. Please try again later.",
  },
  quota: {
    status: 400,
    type: 'invalid_request_error',
    message: 'Your credit balance is too low to access the Anthropic API.',
  },
  'context-too-long': {
    status: 400,
    type: 'invalid_request_error',
    message: 'prompt is too long: 250000 tokens > 200000 maximum',
  },
  'content-filter': {
    status: 400,
    type: 'invalid_request_error',
    message: 'Output blocked by content filtering policy',
  },
  overloaded: { status: 529, type: 'overloaded_error', message: 'Overloaded' },
  'server-error': { status: 500, type: 'api_error', message: 'Internal server error' },
};

export function refuseClaude(
  refusal: Refusal,
  message: string,
  options: { readonly status?: number; readonly retryAfterS?: number },
): Rendered {
  const row = rows[refusal];
  return {
    status: options.status ?? row.status,
    headers: {
      'request-id': 'req_refused',
      ...(options.retryAfterS === undefined ? {} : { 'retry-after': String(Math.ceil(options.retryAfterS)) }),
    },
    body: JSON.stringify({
      type: 'error',
      error: { type: row.type, message: message === '' ? row.message : message },
      request_id: 'req_refused',
    }),
  };
}

function limitHeaders(
  name: string,
  { limit, remaining }: { readonly limit: number; readonly remaining: number },
): Readonly<Record<string, string>> {
  const prefix = `anthropic-ratelimit-${name}`;
  return {
    [`${prefix}-limit`]: String(limit),
    [`${prefix}-remaining`]: String(remaining),
    [`${prefix}-reset`]: '2026-11-20T12:00:00Z',
  };
}
