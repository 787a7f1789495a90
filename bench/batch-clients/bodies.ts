/** Requests of every kind that a batch may hold, in both dialects. Numbered, so that no two are twins. */
import type Anthropic from '@anthropic-ai/sdk';
import type OpenAI from 'openai';
import type { Adapter } from './adapters.ts';

export interface Item<Body> {
  readonly customId: string;
  readonly kind: string;
  readonly body: Body;
}

export type ChatBody = OpenAI.ChatCompletionCreateParamsNonStreaming;
export type EmbeddingBody = OpenAI.EmbeddingCreateParams;
export type MessagesBody = Anthropic.MessageCreateParamsNonStreaming;

const pixel =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const parameters = {
  type: 'object' as const,
  properties: { city: { type: 'string' }, days: { type: 'integer', minimum: 1, maximum: 7 } },
  required: ['city', 'days'],
  additionalProperties: false,
};
const label = {
  type: 'object',
  properties: { label: { type: 'string', enum: ['spam', 'ham'] } },
  required: ['label'],
  additionalProperties: false,
};

/** What may be a custom_id and is rarely thought of. */
const hostile = ['a"b', 'a\\b', 'a\nb\r\t', '🙂', '__proto__', '\u2028\u2029', '{"custom_id":"x"}', ' ', '0'];
const odd = 'Zeilen\u2028Ende\u2029 “q” \\ \t \u0001 🙂 é 漢字 </script> {"a":1}';

const chats: Readonly<Record<string, (n: number) => Omit<ChatBody, 'model'>>> = {
  text: (n) => ({ max_completion_tokens: 100, messages: [{ role: 'user', content: `Hello ${n}` }] }),
  odd: (n) => ({ messages: [{ role: 'user', content: `[[echo]] ${n} ${odd}` }] }),
  json: (n) => ({
    response_format: { type: 'json_object' },
    messages: [{ role: 'user', content: `Answer in JSON ${n}` }],
  }),
  system: (n) => ({
    messages: [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: `Hello ${n}` },
    ],
  }),
  turns: (n) => ({
    messages: [
      { role: 'user', content: `One ${n}` },
      { role: 'assistant', content: 'Two' },
      { role: 'user', content: 'Three' },
    ],
  }),
  tools: (n) => ({
    tools: [
      { type: 'function', function: { name: 'get_weather', description: 'Weather', parameters } },
      { type: 'function', function: { name: 'get_news', parameters } },
    ],
    messages: [{ role: 'user', content: `Weather and news ${n}, both [[parallel]]` }],
  }),
  results: (n) => ({
    tools: [{ type: 'function', function: { name: 'get_weather', parameters } }],
    messages: [
      { role: 'user', content: `Weather ${n}` },
      {
        role: 'assistant',
        tool_calls: [
          {
            id: 'call_1',
            type: 'function',
            function: { name: 'get_weather', arguments: '{"city":"x","days":1}' },
          },
        ],
      },
      { role: 'tool', tool_call_id: 'call_1', content: '{"ok":true}' },
    ],
  }),
  image: (n) => ({
    messages: [
      {
        role: 'user',
        content: [
          { type: 'text', text: `What is this? ${n}` },
          { type: 'image_url', image_url: { url: `data:image/png;base64,${pixel}` } },
        ],
      },
    ],
  }),
  schema: (n) => ({
    response_format: { type: 'json_schema', json_schema: { name: 'label', strict: true, schema: label } },
    messages: [{ role: 'user', content: `Classify ${n}` }],
  }),
  short: (n) => ({ max_completion_tokens: 5, messages: [{ role: 'user', content: `[[tokens:100]] ${n}` }] }),
};

const messages: Readonly<Record<string, (n: number) => Omit<MessagesBody, 'model' | 'max_tokens'>>> = {
  text: (n) => ({ messages: [{ role: 'user', content: `Hello ${n}` }] }),
  odd: (n) => ({ messages: [{ role: 'user', content: `[[echo]] ${n} ${odd}` }] }),
  system: (n) => ({ system: 'Be brief.', messages: [{ role: 'user', content: `Hello ${n}` }] }),
  turns: (n) => ({
    messages: [
      { role: 'user', content: `One ${n}` },
      { role: 'assistant', content: 'Two' },
      { role: 'user', content: 'Three' },
    ],
  }),
  tools: (n) => ({
    tools: [
      { name: 'get_weather', description: 'Weather', input_schema: parameters },
      { name: 'get_news', input_schema: parameters },
    ],
    messages: [{ role: 'user', content: `Weather and news ${n}, both [[parallel]]` }],
  }),
  results: (n) => ({
    tools: [{ name: 'get_weather', input_schema: parameters }],
    messages: [
      { role: 'user', content: `Weather ${n}` },
      {
        role: 'assistant',
        content: [{ type: 'tool_use', id: 'toolu_1', name: 'get_weather', input: { city: 'x', days: 1 } }],
      },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_1', content: '{"ok":true}' }] },
    ],
  }),
  image: (n) => ({
    messages: [
      {
        role: 'user',
        content: [
          { type: 'text', text: `What is this? ${n}` },
          { type: 'image', source: { type: 'base64', media_type: 'image/png', data: pixel } },
        ],
      },
    ],
  }),
  schema: (n) => ({
    output_config: { format: { type: 'json_schema', schema: label } },
    messages: [{ role: 'user', content: `Classify ${n}` }],
  }),
};

/** A job tells the form of its answers in words, so that its prompts are not those of a sync call. */
const textKinds = ['text', 'odd'];

/** Each kind twice, and as many more of those that go in batches as the least number asks for. */
function kindsOf(all: readonly string[], { carries, least, lacks }: Adapter): readonly string[] {
  const kinds = carries === 'all' ? all : all.filter((kind) => textKinds.includes(kind));
  const plain = kinds.filter((kind) => lacks?.includes(kind) !== true && kind !== 'schema');
  const more = Array.from(
    { length: Math.max(0, least - 2 * plain.length) },
    (_, index) => plain[index % plain.length] ?? '',
  );
  return [...kinds, ...kinds, ...more];
}

export const chatItems = (adapter: Adapter): readonly Item<ChatBody>[] =>
  kindsOf(Object.keys(chats), adapter).map((kind, n) => ({
    customId: `${hostile[n] ?? 'item'} ${n}`,
    kind,
    body: { model: adapter.name, ...bodyOf(chats, kind, n) },
  }));

export const messageItems = (adapter: Adapter): readonly Item<MessagesBody>[] =>
  kindsOf(Object.keys(messages), adapter).map((kind, n) => ({
    customId: `item-${n}_${kind}`,
    kind,
    body: { model: adapter.name, max_tokens: 200, ...bodyOf(messages, kind, n) },
  }));

export const embeddingItems = (route: string, least: number): readonly Item<EmbeddingBody>[] =>
  Array.from({ length: Math.max(4, least) }, (_, n) => ({
    customId: `vector ${n}`,
    kind: 'embedding',
    body: { model: route, input: `Word ${n}`, encoding_format: n % 2 === 0 ? 'float' : 'base64' },
  }));

/** Enough of one kind for a submission. */
export const plainItems = (adapter: Adapter): readonly Item<ChatBody>[] =>
  Array.from({ length: Math.max(3, adapter.least) }, (_, n) => ({
    customId: `plain-${n}`,
    kind: 'text',
    body: { model: adapter.name, ...bodyOf(chats, 'text', n) },
  }));

/** Of every adapter some, one after the other, as a file of an app that does not sort. */
export function mixedItems(all: readonly Adapter[]): readonly Item<ChatBody>[] {
  const some = all.map((adapter) => chatItems({ ...adapter, least: 1 }).slice(0, 3));
  return [0, 1, 2].flatMap((turn) =>
    some.flatMap((items, index) => {
      const item = items[turn];
      return item === undefined ? [] : [{ ...item, customId: `mixed-${turn}-${index}` }];
    }),
  );
}

function bodyOf<T>(from: Readonly<Record<string, (n: number) => T>>, kind: string, n: number): T {
  const make = from[kind];
  if (make === undefined) throw new Error(`There is no kind ${kind}.`);
  return make(n);
}
