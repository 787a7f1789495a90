/** The official SDKs against the simulator, unchanged: what they accept is what the real APIs send. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import {
  BedrockRuntimeClient,
  ConverseCommand,
  ConverseStreamCommand,
  InvokeModelCommand,
  InvokeModelWithResponseStreamCommand,
} from '@aws-sdk/client-bedrock-runtime';
import { GoogleGenAI } from '@google/genai';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import OpenAI, { AzureOpenAI } from 'openai';
import { type Simulator, startSimulator } from './server.ts';

const parameters = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] } as const;

describe('the simulator', () => {
  let simulator: Simulator;
  let openai: OpenAI;
  let azure: AzureOpenAI;
  let anthropic: Anthropic;
  let google: GoogleGenAI;
  let bedrock: BedrockRuntimeClient;

  before(async () => {
    simulator = await startSimulator();
    const { url } = simulator;
    openai = new OpenAI({ apiKey: 'x', baseURL: `${url}/v1`, maxRetries: 0 });
    azure = new AzureOpenAI({ apiKey: 'x', endpoint: url, apiVersion: '2024-10-21', maxRetries: 0 });
    anthropic = new Anthropic({ apiKey: 'x', baseURL: url, maxRetries: 0 });
    google = new GoogleGenAI({
      vertexai: true,
      apiKey: 'x',
      httpOptions: { baseUrl: `${url}/`, baseUrlResourceScope: undefined } as object,
    });
    bedrock = new BedrockRuntimeClient({
      region: 'us-east-1',
      endpoint: url,
      credentials: { accessKeyId: 'x', secretAccessKey: 'x' },
      maxAttempts: 1,
      requestHandler: new NodeHttpHandler(),
    });
  });
  beforeEach(() => simulator.setFaults({}));
  after(async () => {
    bedrock.destroy();
    await simulator.close();
  });

  for (const which of ['openai', 'azure'] as const) {
    const client = (): OpenAI => (which === 'openai' ? openai : azure);
    test(`${which}: text, stream, tools, structured output, embeddings`, async () => {
      const messages = [{ role: 'user' as const, content: 'Hello' }];
      const answer = await client().chat.completions.create({ model: 'gpt-4.1-mini', messages });
      assert.equal(answer.choices[0]?.finish_reason, 'stop');
      const streamed = await client()
        .chat.completions.stream({ model: 'gpt-4.1-mini', messages, stream_options: { include_usage: true } })
        .finalChatCompletion();
      assert.equal(
        streamed.choices[0]?.message.content,
        answer.choices[0]?.message.content,
        'the same request has the same answer',
      );
      assert.deepEqual(streamed.usage, answer.usage);
      const tools = [{ type: 'function' as const, function: { name: 'f', parameters } }];
      const call = (await client().chat.completions.create({ model: 'gpt-4.1-mini', messages, tools }))
        .choices[0]?.message.tool_calls?.[0];
      assert.ok(call?.type === 'function' && typeof JSON.parse(call.function.arguments).city === 'string');
      const json = await client().chat.completions.create({
        model: 'gpt-4.1-mini',
        messages,
        response_format: { type: 'json_schema', json_schema: { name: 'a', schema: parameters } },
      });
      assert.equal(typeof JSON.parse(json.choices[0]?.message.content ?? '').city, 'string');
      assert.equal(
        (await client().embeddings.create({ model: 'text-embedding-3-small', input: 'a', dimensions: 8 }))
          .data[0]?.embedding.length,
        8,
      );
    });
  }

  test('anthropic: text, stream with thinking, tools, counting', async () => {
    const ask = {
      model: 'claude-haiku-4-5',
      max_tokens: 2000,
      messages: [{ role: 'user' as const, content: 'Hello' }],
    };
    assert.equal((await anthropic.messages.create(ask)).stop_reason, 'end_turn');
    const final = await anthropic.messages
      .stream({ ...ask, thinking: { type: 'enabled', budget_tokens: 1024 } })
      .finalMessage();
    const thought = final.content[0];
    assert.ok(thought?.type === 'thinking' && thought.signature !== '');
    const tools = [{ name: 'f', input_schema: { ...parameters, required: ['city'] } }];
    assert.equal((await anthropic.messages.stream({ ...ask, tools }).finalMessage()).stop_reason, 'tool_use');
    assert.ok(
      (await anthropic.messages.countTokens({ model: ask.model, messages: ask.messages })).input_tokens > 0,
    );
  });

  test('vertex: text, stream, calls', async () => {
    const answer = await google.models.generateContent({ model: 'gemini-2.5-flash', contents: 'Hello' });
    assert.ok((answer.text?.length ?? 0) > 10);
    let text = '';
    for await (const chunk of await google.models.generateContentStream({
      model: 'gemini-2.5-flash',
      contents: 'Hello',
    }))
      text += chunk.text ?? '';
    assert.ok(text.length > 10);
    const config = { tools: [{ functionDeclarations: [{ name: 'f', parametersJsonSchema: parameters }] }] };
    assert.equal(
      (await google.models.generateContent({ model: 'gemini-2.5-flash', contents: 'Hello', config }))
        .functionCalls?.[0]?.name,
      'f',
    );
  });

  test('bedrock: Converse and Invoke, whole and streamed with checksums', async () => {
    const modelId = 'amazon.nova-pro-v1:0';
    const messages = [{ role: 'user' as const, content: [{ text: 'Hello' }] }];
    const whole = await bedrock.send(new ConverseCommand({ modelId, messages }));
    assert.equal(whole.stopReason, 'end_turn');
    let text = '';
    for await (const event of (await bedrock.send(new ConverseStreamCommand({ modelId, messages }))).stream ??
      [])
      text += event.contentBlockDelta?.delta?.text ?? '';
    assert.equal(text, whole.output?.message?.content?.[0]?.text);
    const claude = {
      modelId: 'anthropic.claude-haiku-4-5',
      contentType: 'application/json',
      body: JSON.stringify({
        anthropic_version: 'bedrock-2023-05-31',
        max_tokens: 100,
        messages: [{ role: 'user', content: 'Hello' }],
      }),
    };
    const invoked = JSON.parse(
      new TextDecoder().decode((await bedrock.send(new InvokeModelCommand(claude))).body),
    );
    assert.equal(invoked.stop_reason, 'end_turn');
    const types: string[] = [];
    for await (const event of (await bedrock.send(new InvokeModelWithResponseStreamCommand(claude))).body ??
      [])
      types.push(JSON.parse(new TextDecoder().decode(event.chunk?.bytes)).type);
    assert.equal(types[0], 'message_start');
    assert.equal(types.at(-1), 'message_stop');
  });

  test('faults are each provider’s own', async () => {
    const openAiAsk = () =>
      openai.chat.completions.create({ model: 'm', messages: [{ role: 'user', content: 'x' }] });
    simulator.setFaults({ faults: [{ kind: 'rate-limit', retry_after_s: 7 }] });
    await assert.rejects(
      openAiAsk,
      (thrown) => thrown instanceof OpenAI.RateLimitError && thrown.headers?.get('retry-after') === '7',
    );
    await assert.rejects(
      bedrock.send(
        new ConverseCommand({ modelId: 'm', messages: [{ role: 'user', content: [{ text: 'x' }] }] }),
      ),
      { name: 'ThrottlingException' },
    );
    simulator.setFaults({ faults: [{ kind: 'outage', status: 529, provider: 'anthropic' }] });
    await assert.rejects(
      anthropic.messages.create({ model: 'm', max_tokens: 1, messages: [{ role: 'user', content: 'x' }] }),
      (thrown) => thrown instanceof Anthropic.APIError && thrown.status === 529,
    );
    assert.equal((await openAiAsk()).object, 'chat.completion', 'another provider has no fault');
    simulator.setFaults({ faults: [{ kind: 'outage', times: 1 }] });
    await assert.rejects(openAiAsk, OpenAI.InternalServerError);
    assert.equal((await openAiAsk()).object, 'chat.completion', 'its times are up');
  });

  test('rate limits are real, told in headers, and violations counted', async () => {
    simulator.setFaults({ limits: [{ provider: 'openai', rpm: 2 }] });
    const ask = () =>
      openai.chat.completions.create({ model: 'limited', messages: [{ role: 'user', content: 'x' }] });
    const { response } = await ask().withResponse();
    assert.equal(response.headers.get('x-ratelimit-limit-requests'), '2');
    await ask();
    await assert.rejects(ask, OpenAI.RateLimitError);
    assert.equal(simulator.violations(), 1);
  });

  test('credentials are asked for in each API’s own way', async () => {
    for (const path of [
      '/v1/chat/completions',
      '/v1/messages',
      '/model/m/converse',
      '/v1/projects/p/locations/l/publishers/google/models/m:generateContent',
    ]) {
      const { status } = await fetch(simulator.url + path, { method: 'POST', body: '{}' });
      assert.ok(status === 401 || status === 403, `${path}: ${status}`);
    }
  });
});
