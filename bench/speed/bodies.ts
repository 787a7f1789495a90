/** The same traffic for every gateway: requests and answers of both protocols, in two sizes. */
const filler = (bytes: number): string =>
  'The quick brown fox jumps over the lazy dog. '.repeat(Math.ceil(bytes / 45)).slice(0, bytes);

export interface Traffic {
  readonly name: string;
  /** Path and body that the client sends; `model` is filled in by whoever is measured. */
  readonly request: (model: string) => string;
  /** Which answer the upstream gives, by path prefix. */
  readonly upstream: 'openai' | 'anthropic';
  readonly answerBytes: number;
  readonly stream: boolean;
}

function request(promptBytes: number, stream: boolean): (model: string) => string {
  return (model) =>
    JSON.stringify({
      model,
      messages: [
        { role: 'system', content: 'You are a helpful assistant.' },
        { role: 'user', content: filler(promptBytes) },
      ],
      temperature: 0.2,
      max_tokens: 500,
      ...(stream ? { stream: true } : {}),
    });
}

export const traffics: readonly Traffic[] = [
  {
    name: 'pass-through 1 kB',
    request: request(700, false),
    upstream: 'openai',
    answerBytes: 600,
    stream: false,
  },
  {
    name: 'pass-through 20 kB',
    request: request(20_000, false),
    upstream: 'openai',
    answerBytes: 20_000,
    stream: false,
  },
  {
    name: 'pass-through stream',
    request: request(700, true),
    upstream: 'openai',
    answerBytes: 0,
    stream: true,
  },
  {
    name: 'translated 1 kB',
    request: request(700, false),
    upstream: 'anthropic',
    answerBytes: 600,
    stream: false,
  },
  {
    name: 'translated 20 kB',
    request: request(20_000, false),
    upstream: 'anthropic',
    answerBytes: 20_000,
    stream: false,
  },
  {
    name: 'translated stream',
    request: request(700, true),
    upstream: 'anthropic',
    answerBytes: 0,
    stream: true,
  },
];

export function openAiAnswer(bytes: number): string {
  return JSON.stringify({
    id: 'chatcmpl-bench0000000000000000000000',
    object: 'chat.completion',
    created: 1_790_000_000,
    model: 'gpt-4.1-mini-2025-04-14',
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: filler(bytes), refusal: null, annotations: [] },
        logprobs: null,
        finish_reason: 'stop',
      },
    ],
    usage: {
      prompt_tokens: 180,
      completion_tokens: 150,
      total_tokens: 330,
      prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
      completion_tokens_details: {
        reasoning_tokens: 0,
        audio_tokens: 0,
        accepted_prediction_tokens: 0,
        rejected_prediction_tokens: 0,
      },
    },
    service_tier: 'default',
    system_fingerprint: 'fp_bench',
  });
}

export function anthropicAnswer(bytes: number): string {
  return JSON.stringify({
    id: 'msg_01Bench000000000000000000',
    type: 'message',
    role: 'assistant',
    model: 'claude-haiku-4-5-20251001',
    content: [{ type: 'text', text: filler(bytes) }],
    stop_reason: 'end_turn',
    stop_sequence: null,
    usage: {
      input_tokens: 180,
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: 0,
      output_tokens: 150,
      service_tier: 'standard',
    },
  });
}

const words = Array.from({ length: 100 }, (_, index) => ` word${index % 10}`);

export function openAiStream(): readonly string[] {
  const chunk = (delta: object, finish: string | null): string =>
    `data: ${JSON.stringify({ id: 'chatcmpl-bench0000000000000000000000', object: 'chat.completion.chunk', created: 1_790_000_000, model: 'gpt-4.1-mini-2025-04-14', service_tier: 'default', system_fingerprint: 'fp_bench', choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }], usage: null, obfuscation: 'q7Hx2' })}\n\n`;
  return [
    chunk({ role: 'assistant', content: '', refusal: null }, null),
    ...words.map((content) => chunk({ content }, null)),
    chunk({}, 'stop'),
    `data: ${JSON.stringify({ id: 'chatcmpl-bench0000000000000000000000', object: 'chat.completion.chunk', created: 1_790_000_000, model: 'gpt-4.1-mini-2025-04-14', choices: [], usage: { prompt_tokens: 180, completion_tokens: 100, total_tokens: 280 } })}\n\n`,
    'data: [DONE]\n\n',
  ];
}

export function anthropicStream(): readonly string[] {
  const event = (name: string, data: object): string =>
    `event: ${name}\ndata: ${JSON.stringify({ type: name, ...data })}\n\n`;
  const usage = {
    input_tokens: 180,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: 0,
    output_tokens: 1,
  };
  return [
    event('message_start', {
      message: {
        id: 'msg_01Bench',
        type: 'message',
        role: 'assistant',
        model: 'claude-haiku-4-5-20251001',
        content: [],
        stop_reason: null,
        stop_sequence: null,
        usage,
      },
    }),
    event('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }),
    ...words.map((text) => event('content_block_delta', { index: 0, delta: { type: 'text_delta', text } })),
    event('content_block_stop', { index: 0 }),
    event('message_delta', {
      delta: { stop_reason: 'end_turn', stop_sequence: null },
      usage: { output_tokens: 100 },
    }),
    event('message_stop', {}),
  ];
}
