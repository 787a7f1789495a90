/**
 * The official SDKs, untouched, against every provider type of the demo: text, streams, tools, results, structured output, images, stops,
 * embeddings, errors, aborts. Each cell is a real client, a real gateway, a simulated provider.
 */
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { startTestGateway, type TestGateway } from '../test/support/gateway.ts';
import type { Bench } from './bench.ts';

const routes = [
  'openai',
  'azure',
  'anthropic',
  'vertex-gemini',
  'vertex-claude',
  'bedrock',
  'bedrock-claude',
  'local',
] as const;
const embeddingModels = [
  'openai/text-embedding-3-small',
  'azure/text-embedding-3-small',
  'local/nomic-embed-text',
  'vertex/text-embedding-005',
  'bedrock/amazon.titan-embed-text-v2:0',
];

const pixel =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const parameters = {
  type: 'object' as const,
  properties: { city: { type: 'string' }, days: { type: 'integer', minimum: 1, maximum: 7 } },
  required: ['city', 'days'],
  additionalProperties: false,
};

type Check = (route: string) => Promise<void>;

function must(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}

function openAiChecks(client: OpenAI, service: TestGateway): Readonly<Record<string, Check>> {
  const tools = [
    {
      type: 'function' as const,
      function: { name: 'get_weather', description: 'Weather of a city', parameters },
    },
    { type: 'function' as const, function: { name: 'get_news', parameters } },
  ];
  const ask = (content: string) => [
    { role: 'system' as const, content: 'Be brief.' },
    { role: 'user' as const, content },
  ];
  return {
    async text(route) {
      const answer = await client.chat.completions.create({
        model: route,
        messages: ask('Hello'),
        max_completion_tokens: 200,
      });
      must((answer.choices[0]?.message.content?.length ?? 0) > 10, 'no text');
      must(answer.choices[0]?.finish_reason === 'stop', `finish ${answer.choices[0]?.finish_reason}`);
      must(
        answer.usage !== undefined &&
          answer.usage?.total_tokens === answer.usage.prompt_tokens + answer.usage.completion_tokens,
        'usage does not add up',
      );
    },
    async stream(route) {
      const stream = client.chat.completions.stream({
        model: route,
        messages: ask('Hello [[tokens:30]]'),
        stream_options: { include_usage: true },
      });
      let chunks = 0;
      for await (const _chunk of stream) chunks += 1;
      const final = await stream.finalChatCompletion();
      must(chunks > 20, `only ${chunks} chunks`);
      must(final.choices[0]?.message.content?.split(' ').length === 30, 'words are missing');
      must((final.usage?.completion_tokens ?? 0) > 0, 'no usage');
    },
    async 'stream without usage'(route) {
      const stream = await client.chat.completions.create({
        model: route,
        messages: ask('Hi [[tokens:3]]'),
        stream: true,
      });
      for await (const chunk of stream) {
        must(chunk.usage === undefined || chunk.usage === null, 'usage though not asked for');
        // Azure's first chunk holds its filter's verdict on the prompt and no choice.
        must(chunk.choices.length > 0 || 'prompt_filter_results' in chunk, 'a chunk without choices');
      }
    },
    async 'multi-turn'(route) {
      const messages = [
        ...ask('One'),
        { role: 'assistant' as const, content: 'Two' },
        { role: 'user' as const, content: 'Three' },
      ];
      const answer = await client.chat.completions.create({ model: route, messages });
      must((answer.choices[0]?.message.content?.length ?? 0) > 10, 'no text');
    },
    async tools(route) {
      const messages: OpenAI.ChatCompletionMessageParam[] = ask('Weather and news, both [[parallel]]');
      const answer = await client.chat.completions.create({ model: route, messages, tools });
      const message = answer.choices[0]?.message;
      must(message?.tool_calls?.length === 2, `${message?.tool_calls?.length} calls instead of 2`);
      must(answer.choices[0]?.finish_reason === 'tool_calls', `finish ${answer.choices[0]?.finish_reason}`);
      if (message === undefined) return;
      messages.push(message);
      for (const call of message.tool_calls ?? []) {
        if (call.type !== 'function') continue;
        must(typeof JSON.parse(call.function.arguments).city === 'string', 'arguments do not fit');
        messages.push({ role: 'tool', tool_call_id: call.id, content: '{"ok":true}' });
      }
      const second = await client.chat.completions.create({ model: route, messages, tools });
      must((second.choices[0]?.message.content?.length ?? 0) > 10, 'no answer to the results');
    },
    async 'tools, streamed'(route) {
      const final = await client.chat.completions
        .stream({ model: route, messages: ask('both [[parallel]]'), tools })
        .finalChatCompletion();
      const calls = final.choices[0]?.message.tool_calls ?? [];
      must(
        calls.length === 2 &&
          calls.every((call) => call.type === 'function' && JSON.parse(call.function.arguments).days >= 1),
        'calls are not whole',
      );
      must(new Set(calls.map((call) => call.id)).size === 2, 'ids are not distinct');
    },
    async 'forced tool'(route) {
      const answer = await client.chat.completions.create({
        model: route,
        messages: ask('x'),
        tools,
        tool_choice: { type: 'function', function: { name: 'get_news' } },
      });
      const call = answer.choices[0]?.message.tool_calls?.[0];
      must(call?.type === 'function' && call.function.name === 'get_news', 'another tool');
    },
    async 'structured output'(route) {
      const schema = {
        type: 'object',
        properties: { label: { type: 'string', enum: ['spam', 'ham'] }, score: { type: 'number' } },
        required: ['label', 'score'],
        additionalProperties: false,
      };
      const answer = await client.chat.completions.create({
        model: route,
        messages: ask('Classify'),
        response_format: { type: 'json_schema', json_schema: { name: 'label', strict: true, schema } },
      });
      const value = JSON.parse(answer.choices[0]?.message.content ?? '');
      must(
        ['spam', 'ham'].includes(value.label) && typeof value.score === 'number',
        'the schema does not hold',
      );
      must(answer.choices[0]?.finish_reason === 'stop', `finish ${answer.choices[0]?.finish_reason}`);
    },
    async image(route) {
      const content = [
        { type: 'text' as const, text: 'What is this?' },
        { type: 'image_url' as const, image_url: { url: `data:image/png;base64,${pixel}` } },
      ];
      const answer = await client.chat.completions.create({
        model: route,
        messages: [{ role: 'user', content }],
      });
      must(answer.choices[0]?.message.content?.includes('1 image') === true, 'the image was not seen');
    },
    async 'length and stop'(route) {
      const short = await client.chat.completions.create({
        model: route,
        messages: ask('[[tokens:100]]'),
        max_tokens: 5,
      });
      must(short.choices[0]?.finish_reason === 'length', `finish ${short.choices[0]?.finish_reason}`);
      const stopped = await client.chat.completions.create({
        model: route,
        messages: ask('[[echo]] one STOP two'),
        stop: ['STOP'],
      });
      must(stopped.choices[0]?.message.content?.includes('two') === false, 'the stop sequence did not stop');
    },
    async error(route) {
      const failure = await client.chat.completions.create({ model: route, messages: [] }).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      must(failure instanceof OpenAI.BadRequestError, `got ${String(failure)}`);
      must(
        failure instanceof OpenAI.APIError && failure.requestID?.startsWith('req_') === true,
        'no request id',
      );
    },
    async 'upstream error'(route) {
      service.simulator.setFaults({ faults: [{ kind: 'rate-limit', retry_after_s: 1000 }] });
      const failure = await client.chat.completions
        .create({ model: `${direct[route]}-throttled`, messages: ask('x') })
        .then(
          () => undefined,
          (thrown: unknown) => thrown,
        );
      service.simulator.setFaults({});
      must(
        failure instanceof OpenAI.RateLimitError && failure.headers?.get('retry-after') !== null,
        `got ${String(failure)}`,
      );
    },
    async abort(route) {
      service.simulator.log.clear();
      const controller = new AbortController();
      const stream = await client.chat.completions.create(
        { model: route, messages: ask('[[tokens:500]] [[chunk-delay:10ms]]'), stream: true },
        { signal: controller.signal },
      );
      let seen = 0;
      for await (const _chunk of stream) if (++seen === 3) controller.abort();
      await until(
        () => service.simulator.log.list().some((arrival) => arrival.aborted),
        'the provider was not told',
      );
    },
  };
}

/** A model of each route's provider, to be addressed directly: its own health, so that a fault there touches no other check. */
const direct: Readonly<Record<string, string>> = {
  openai: 'openai/gpt-4.1',
  azure: 'azure/gpt-4.1',
  anthropic: 'anthropic/claude-sonnet-4-5',
  'vertex-gemini': 'vertex/gemini-2.5-pro',
  'vertex-claude': 'vertex/claude-sonnet-4-5',
  bedrock: 'bedrock/amazon.nova-lite-v1:0',
  'bedrock-claude': 'bedrock/anthropic.claude-sonnet-4-5',
  local: 'local/qwen3',
};

function anthropicChecks(client: Anthropic, service: TestGateway): Readonly<Record<string, Check>> {
  const tools = [
    { name: 'get_weather', description: 'Weather of a city', input_schema: parameters },
    { name: 'get_news', input_schema: parameters },
  ];
  const ask = (content: string) => ({
    max_tokens: 2000,
    system: 'Be brief.',
    messages: [{ role: 'user' as const, content }],
  });
  const textOf = (message: Anthropic.Message): string =>
    message.content.map((block) => (block.type === 'text' ? block.text : '')).join('');
  return {
    async text(route) {
      const answer = await client.messages.create({ model: route, ...ask('Hello') });
      must(textOf(answer).length > 10 && answer.stop_reason === 'end_turn', `stop ${answer.stop_reason}`);
      must(answer.usage.input_tokens > 0 && answer.usage.output_tokens > 0, 'no usage');
    },
    async stream(route) {
      const stream = client.messages.stream({ model: route, ...ask('Hello [[tokens:30]]') });
      let texts = 0;
      stream.on('text', () => {
        texts += 1;
      });
      const final = await stream.finalMessage();
      must(texts > 20 && textOf(final).split(' ').length === 30, 'words are missing');
      must(final.usage.output_tokens > 0 && final.stop_reason === 'end_turn', 'no usage');
    },
    async 'multi-turn'(route) {
      const messages = [
        { role: 'user' as const, content: 'One' },
        { role: 'assistant' as const, content: 'Two' },
        { role: 'user' as const, content: 'Three' },
      ];
      must(
        textOf(await client.messages.create({ model: route, max_tokens: 100, messages })).length > 10,
        'no text',
      );
    },
    async tools(route) {
      const first = await client.messages.create({ model: route, ...ask('both [[parallel]]'), tools });
      const calls = first.content.filter((block) => block.type === 'tool_use');
      must(
        calls.length === 2 && first.stop_reason === 'tool_use',
        `${calls.length} calls, stop ${first.stop_reason}`,
      );
      const results = calls.map((call) => ({
        type: 'tool_result' as const,
        tool_use_id: call.id,
        content: '{"ok":true}',
      }));
      const messages = [
        { role: 'user' as const, content: 'both [[parallel]]' },
        { role: 'assistant' as const, content: first.content },
        { role: 'user' as const, content: results },
      ];
      must(
        textOf(await client.messages.create({ model: route, max_tokens: 100, messages, tools })).length > 10,
        'no answer to the results',
      );
    },
    async 'tools, streamed'(route) {
      const final = await client.messages
        .stream({ model: route, ...ask('both [[parallel]]'), tools })
        .finalMessage();
      const calls = final.content.filter((block) => block.type === 'tool_use');
      must(
        calls.length === 2 &&
          calls.every(
            (call) => typeof call.input === 'object' && call.input !== null && 'days' in call.input,
          ),
        'calls are not whole',
      );
    },
    async 'forced tool'(route) {
      const answer = await client.messages.create({
        model: route,
        ...ask('x'),
        tools,
        tool_choice: { type: 'tool', name: 'get_news' },
      });
      must(
        answer.content.some((block) => block.type === 'tool_use' && block.name === 'get_news'),
        'another tool',
      );
    },
    async thinking(route) {
      const answer = await client.messages.create({
        model: route,
        max_tokens: 4000,
        thinking: { type: 'enabled', budget_tokens: 1024 },
        messages: [{ role: 'user', content: 'Think' }],
      });
      must(textOf(answer).length > 10, 'no text');
      const messages = [
        { role: 'user' as const, content: 'Think' },
        { role: 'assistant' as const, content: answer.content },
        { role: 'user' as const, content: 'And?' },
      ];
      must(
        textOf(
          await client.messages.create({
            model: route,
            max_tokens: 4000,
            thinking: { type: 'enabled', budget_tokens: 1024 },
            messages,
          }),
        ).length > 10,
        'no second answer',
      );
    },
    async 'structured output'(route) {
      const schema = {
        type: 'object',
        properties: { label: { type: 'string', enum: ['spam', 'ham'] } },
        required: ['label'],
        additionalProperties: false,
      };
      const answer = await client.messages.create({
        model: route,
        ...ask('Classify'),
        output_config: { format: { type: 'json_schema', schema } },
      });
      must(['spam', 'ham'].includes(JSON.parse(textOf(answer)).label), 'the schema does not hold');
    },
    async image(route) {
      const content = [
        { type: 'text' as const, text: 'What is this?' },
        {
          type: 'image' as const,
          source: { type: 'base64' as const, media_type: 'image/png' as const, data: pixel },
        },
      ];
      must(
        textOf(
          await client.messages.create({
            model: route,
            max_tokens: 100,
            messages: [{ role: 'user', content }],
          }),
        ).includes('1 image'),
        'the image was not seen',
      );
    },
    async 'length and stop'(route) {
      const short = await client.messages.create({
        model: route,
        max_tokens: 5,
        messages: [{ role: 'user', content: '[[tokens:100]]' }],
      });
      must(short.stop_reason === 'max_tokens', `stop ${short.stop_reason}`);
      const stopped = await client.messages.create({
        model: route,
        max_tokens: 100,
        messages: [{ role: 'user', content: '[[echo]] one STOP two' }],
        stop_sequences: ['STOP'],
      });
      must(!textOf(stopped).includes('two'), 'the stop sequence did not stop');
    },
    async 'count tokens'(route) {
      const count = await client.messages.countTokens({
        model: route,
        messages: [{ role: 'user', content: 'Hello there' }],
      });
      must(count.input_tokens > 0, 'no count');
    },
    async error(route) {
      const failure = await client.messages.create({ model: route, max_tokens: 100, messages: [] }).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      must(failure instanceof Anthropic.BadRequestError, `got ${String(failure)}`);
      must(
        failure instanceof Anthropic.APIError && failure.requestID?.startsWith('req_') === true,
        'no request id',
      );
    },
    async abort(route) {
      service.simulator.log.clear();
      const stream = client.messages.stream({ model: route, ...ask('[[tokens:500]] [[chunk-delay:10ms]]') });
      stream.on('text', () => stream.abort());
      await stream.finalMessage().catch(() => undefined);
      await until(
        () => service.simulator.log.list().some((arrival) => arrival.aborted),
        'the provider was not told',
      );
    },
  };
}

/** A check that hangs has failed. */
function withinTime(work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('took over 10 s')), 10_000);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

async function until(holds: () => boolean, complaint: string): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(complaint);
}

export const bench: Bench = {
  about: 'The official OpenAI and Anthropic SDKs against every provider type.',
  async run({ print }) {
    const service = await startTestGateway();
    const openai = new OpenAI({ apiKey: 'any', baseURL: `${service.url}/v1`, maxRetries: 0 });
    const anthropic = new Anthropic({ apiKey: 'any', baseURL: service.url, maxRetries: 0 });
    const failures: string[] = [];
    let passed = 0;
    const attempt = async (name: string, check: () => Promise<void>): Promise<void> => {
      try {
        await withinTime(check());
        passed += 1;
      } catch (thrown) {
        failures.push(`${name}: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
      }
    };
    try {
      for (const route of routes) {
        for (const [name, check] of Object.entries(openAiChecks(openai, service)))
          await attempt(`openai SDK, ${route}, ${name}`, () => check(route));
        for (const [name, check] of Object.entries(anthropicChecks(anthropic, service)))
          await attempt(`anthropic SDK, ${route}, ${name}`, () => check(route));
      }
      for (const model of embeddingModels) {
        // Unless told otherwise the SDK asks for base64 and decodes it itself.
        for (const encoding of [undefined, 'float'] as const) {
          await attempt(`embeddings, ${model}, ${encoding ?? 'base64'}`, async () => {
            const answer = await openai.embeddings.create({
              model,
              input: 'Hello',
              ...(encoding === undefined ? {} : { encoding_format: encoding }),
            });
            const length = Math.hypot(...(answer.data[0]?.embedding ?? []));
            must(Math.abs(length - 1) < 1e-3, `length ${length}`);
          });
        }
      }
      await attempt('openai SDK, models', async () =>
        must(
          (await openai.models.list()).data.some((model) => model.id === 'assistant'),
          'assistant is not listed',
        ),
      );
      await attempt('anthropic SDK, models', async () =>
        must(
          (await anthropic.models.list()).data.some((model) => model.id === 'assistant'),
          'assistant is not listed',
        ),
      );
      await attempt('unknown model', async () => {
        const failure = await openai.chat.completions
          .create({ model: 'asistant', messages: [{ role: 'user', content: 'x' }] })
          .then(
            () => undefined,
            (thrown: unknown) => thrown,
          );
        must(
          failure instanceof OpenAI.NotFoundError && failure.message.includes('Did you mean "assistant"?'),
          `got ${String(failure)}`,
        );
      });
    } finally {
      await service.close();
    }
    for (const failure of failures) print(`  ${failure}`);
    const total = passed + failures.length;
    return {
      figure: `${passed}/${total}`,
      wanted: 'all',
      met: failures.length === 0,
      data: { passed, total, failures },
    };
  },
};
