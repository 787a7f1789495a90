/** Bedrock's runtime: Converse and Invoke, streamed as AWS event-stream frames with checksums. */
import { asArray, asNumber, asObject, asString, isObject } from '../../core/json.ts';
import { writeAwsException, writeAwsFrame } from '../../wire/aws-event-stream.ts';
import { type Ask, pieces, type Script, tokensOf } from '../brain.ts';
import { embedText } from '../vectors.ts';
import { claudeEvents, claudeMessage, readClaude } from './anthropic.ts';
import { type Api, type Embedded, type Matched, type Refusal, Refused, type Rendered } from './contract.ts';

const url = /\/model\/([^/]+)\/(converse|converse-stream|invoke|invoke-with-response-stream|count-tokens)$/;
const stops: Readonly<Record<Script['stop'], string>> = {
  end: 'end_turn',
  length: 'max_tokens',
  tool: 'tool_use',
  sequence: 'stop_sequence',
  refusal: 'guardrail_intervened',
};
const isInvoke = (matched: Matched): boolean => matched.form === 'invoke';

export const bedrock: Api = {
  id: 'bedrock',
  match(path) {
    const match = url.exec(path);
    if (match === null) return undefined;
    const model = decodeURIComponent(match[1] ?? '');
    const verb = match[2] ?? '';
    if (verb === 'count-tokens') return { operation: 'count-tokens', model, form: 'count' };
    if (verb.startsWith('invoke')) {
      if (/embed/.test(model))
        return { operation: 'embedding', model, form: model.includes('cohere') ? 'cohere' : 'titan' };
      return { operation: 'chat', model, stream: verb !== 'invoke', form: 'invoke' };
    }
    return { operation: 'chat', model, stream: verb === 'converse-stream', form: 'converse' };
  },
  authorized: (headers) => /^(?:AWS4-HMAC-SHA256 Credential=|Bearer \S)/.test(headers.authorization ?? ''),
  read: (matched, body) => (matched.form === 'count' ? readCount(matched, body) : readChat(matched, body)),
  headers: (_standing, answer) => ({ 'x-amzn-requestid': answer }),
  whole: (matched, ask, script) =>
    isInvoke(matched) ? claudeMessage(ask, script) : converseAnswer(ask, script),
  streamType: () => 'application/vnd.amazon.eventstream',
  chunks(matched, ask, script) {
    if (!isInvoke(matched)) return converseFrames(ask, script);
    return claudeEvents(ask, script).map((event) =>
      writeAwsFrame('chunk', { bytes: Buffer.from(JSON.stringify(event)).toString('base64'), p: 'abcdefgh' }),
    );
  },
  terminalChunks: () => 2,
  brokenChunk: () =>
    Buffer.concat([
      writeAwsFrame('contentBlockDelta', { contentBlockIndex: 0, delta: { text: 'x' } }).subarray(0, 20),
      Buffer.alloc(60, 7),
    ]),
  errorChunk: (matched) =>
    writeAwsException(isInvoke(matched) ? 'modelStreamErrorException' : 'serviceUnavailableException', {
      message: 'The service is temporarily unavailable.',
    }),
  refuse: refuseAws,
  flex: {
    asked: (body, headers) =>
      asObject(body['serviceTier'])['type'] === 'flex' || headers['x-amzn-bedrock-service-tier'] === 'flex',
    full: () => refuseAws('rate-limit', '', {}),
  },
  embed: embedAws,
  count: (ask) => ({ inputTokens: tokensOf(ask.inputCharacters) }),
};

function readChat(matched: Matched, body: Readonly<Record<string, unknown>>): Ask {
  return isInvoke(matched) ? readInvoke(matched, body) : readConverse(matched, body);
}

/** CountTokens takes the body of the call that it counts: InvokeModel's in base64, or Converse's as it is. */
function readCount(matched: Matched, body: Readonly<Record<string, unknown>>): Ask {
  const input = asObject(body['input']);
  const invoked = asString(asObject(input['invokeModel'])['body']);
  if (invoked !== undefined)
    return readInvoke(matched, asObject(JSON.parse(Buffer.from(invoked, 'base64').toString())));
  if (input['converse'] !== undefined) return readConverse(matched, asObject(input['converse']));
  throw new Refused('bad-request', 'The input field must hold invokeModel or converse.');
}

function readInvoke(matched: Matched, body: Readonly<Record<string, unknown>>): Ask {
  if (body['anthropic_version'] === undefined)
    throw new Refused('bad-request', 'anthropic_version: Field required');
  for (const field of ['model', 'stream'])
    if (body[field] !== undefined)
      throw new Refused('bad-request', `${field}: Extra inputs are not permitted`);
  return readClaude(matched, body);
}

function readConverse(matched: Matched, body: Readonly<Record<string, unknown>>): Ask {
  const messages = asArray(body['messages']).filter(isObject);
  if (messages.length === 0) throw new Refused('bad-request', 'The messages field must not be empty.');
  for (const [index, message] of messages.entries()) {
    const wanted = index % 2 === 0 ? 'user' : 'assistant';
    if (message['role'] !== wanted)
      throw new Refused('bad-request', 'A conversation must alternate between user and assistant roles.');
  }
  const blocks = messages.flatMap((message) => asArray(message['content'])).filter(isObject);
  const config = asObject(body['inferenceConfig']);
  const toolConfig = asObject(body['toolConfig']);
  const tools = asArray(toolConfig['tools'])
    .map((tool) => asObject(asObject(tool)['toolSpec']))
    .filter((tool) => tool['name'] !== undefined);
  if (
    tools.length === 0 &&
    blocks.some((block) => block['toolUse'] !== undefined || block['toolResult'] !== undefined)
  ) {
    throw new Refused(
      'bad-request',
      'The toolConfig field must be defined when using toolUse and toolResult content blocks.',
    );
  }
  const choice = asObject(toolConfig['toolChoice']);
  const forced = asString(asObject(choice['tool'])['name']);
  const last = messages.findLast((message) => message['role'] === 'user');
  const maxTokens = asNumber(config['maxTokens']);
  const structure = asObject(
    asObject(asObject(asObject(body['outputConfig'])['textFormat'])['structure'])['jsonSchema'],
  );
  const schema = asString(structure['schema']) ?? promptedSchema(body['system']);
  return {
    model: matched.model ?? '',
    stream: matched.stream ?? false,
    prompt: asArray(last?.['content'])
      .map((part) => asString(asObject(part)['text']) ?? '')
      .join(''),
    inputCharacters: JSON.stringify([body['system'], messages]).replace(/"bytes":"[^"]*"/g, '').length,
    images: blocks.filter((block) => block['image'] !== undefined).length,
    tools: tools.map((tool) => ({
      name: asString(tool['name']) ?? '',
      schema: asObject(tool['inputSchema'])['json'],
    })),
    toolChoice: forced !== undefined ? { name: forced } : choice['any'] !== undefined ? 'required' : 'auto',
    parallel: true,
    answersTools: asArray(last?.['content']).some(
      (part) => isObject(part) && part['toolResult'] !== undefined,
    ),
    stop: asArray(config['stopSequences']).filter((one) => typeof one === 'string'),
    choices: 1,
    thinking: asObject(body['additionalModelRequestFields'])['thinking'] !== undefined,
    cachedCharacters: 0,
    ...(maxTokens === undefined ? {} : { maxTokens }),
    ...(schema === undefined ? {} : { schema: JSON.parse(schema) as unknown }),
  };
}

/** A model that is asked in words for JSON of a shape gives it. */
function promptedSchema(system: unknown): string | undefined {
  const text = asArray(system)
    .map((block) => asString(asObject(block)['text']) ?? '')
    .join('\n');
  return /JSON Schema: (\{.*\})/s.exec(text)?.[1];
}

function usageOf(script: Script): object {
  return {
    inputTokens: script.usage.input,
    outputTokens: script.usage.output,
    totalTokens: script.usage.input + script.usage.output,
  };
}

const tierOf = ({ tier }: Ask): object => (tier === undefined ? {} : { serviceTier: { type: tier } });

const signature = (script: Script): string => Buffer.from(`signed:${script.id}`).toString('base64');

function converseAnswer(ask: Ask, script: Script): object {
  return {
    output: {
      message: {
        role: 'assistant',
        content: [
          ...(script.thinking === ''
            ? []
            : [
                {
                  reasoningContent: {
                    reasoningText: { text: script.thinking, signature: signature(script) },
                  },
                },
              ]),
          ...(script.text === '' ? [] : [{ text: script.text }]),
          ...script.calls.map((call) => ({
            toolUse: { toolUseId: `tooluse_${call.id}`, name: call.name, input: call.arguments },
          })),
        ],
      },
    },
    stopReason: stops[script.stop],
    usage: usageOf(script),
    metrics: { latencyMs: 12 },
    ...tierOf(ask),
  };
}

function converseFrames(ask: Ask, script: Script): readonly Buffer[] {
  const frames = [writeAwsFrame('messageStart', { role: 'assistant', p: 'abc' })];
  let contentBlockIndex = 0;
  const close = (): void => {
    frames.push(writeAwsFrame('contentBlockStop', { contentBlockIndex, p: 'ab' }));
    contentBlockIndex += 1;
  };
  const delta = (value: object): void => {
    frames.push(writeAwsFrame('contentBlockDelta', { contentBlockIndex, delta: value, p: 'abcd' }));
  };
  if (script.thinking !== '') {
    for (const text of pieces(script.thinking)) delta({ reasoningContent: { text } });
    delta({ reasoningContent: { signature: signature(script) } });
    close();
  }
  if (script.text !== '') {
    for (const text of pieces(script.text)) delta({ text });
    close();
  }
  for (const call of script.calls) {
    frames.push(
      writeAwsFrame('contentBlockStart', {
        contentBlockIndex,
        start: { toolUse: { toolUseId: `tooluse_${call.id}`, name: call.name } },
        p: 'a',
      }),
    );
    for (const input of JSON.stringify(call.arguments).match(/.{1,12}/gs) ?? [])
      delta({ toolUse: { input } });
    close();
  }
  frames.push(writeAwsFrame('messageStop', { stopReason: stops[script.stop], p: 'abc' }));
  frames.push(
    writeAwsFrame('metadata', {
      usage: usageOf(script),
      metrics: { latencyMs: 12 },
      ...tierOf(ask),
      p: 'ab',
    }),
  );
  return frames;
}

const rows: Readonly<Record<Refusal, { status: number; type: string; message: string }>> = {
  'bad-request': { status: 400, type: 'ValidationException', message: 'The request is not valid.' },
  auth: {
    status: 403,
    type: 'UnrecognizedClientException',
    message: 'The security token included in the request is invalid.',
  },
  'not-found': {
    status: 400,
    type: 'ValidationException',
    message: 'The provided model identifier is invalid.',
  },
  'rate-limit': {
    status: 429,
    type: 'ThrottlingException',
    message: 'Too many requests, please wait before trying again.',
  },
  quota: {
    status: 429,
    type: 'ThrottlingException',
    message: 'Too many tokens per day, please wait before trying again.',
  },
  'context-too-long': {
    status: 400,
    type: 'ValidationException',
    message: 'Input is too long for requested model.',
  },
  'content-filter': {
    status: 400,
    type: 'ValidationException',
    message: 'Output blocked by content filtering policy',
  },
  overloaded: {
    status: 503,
    type: 'ServiceUnavailableException',
    message: 'The service is temporarily unavailable.',
  },
  'server-error': {
    status: 500,
    type: 'InternalServerException',
    message: 'The system encountered an unexpected error during processing.',
  },
};

function refuseAws(refusal: Refusal, message: string, options: { readonly status?: number }): Rendered {
  const row = rows[refusal];
  return {
    status: options.status ?? row.status,
    headers: {
      'x-amzn-errortype': `${row.type}:http://internal.amazon.com/coral/com.amazon.bedrock/`,
      'x-amzn-requestid': 'refused',
    },
    body: JSON.stringify({ message: message === '' ? row.message : message }),
  };
}

function embedAws(matched: Matched, body: Readonly<Record<string, unknown>>): Embedded {
  if (matched.form === 'cohere') {
    const texts = asArray(body['texts']).map(String);
    const answer = {
      id: 'simulated',
      response_type: 'embeddings_floats',
      embeddings: texts.map((text) => embedText(text, 64)),
      texts,
    };
    return { answer, inputTokens: texts.reduce((sum, text) => sum + tokensOf(text.length), 0) };
  }
  const text = asString(body['inputText']) ?? '';
  const inputTokens = tokensOf(text.length);
  const embedding = embedText(text, asNumber(body['dimensions']) ?? 64);
  return { answer: { embedding, inputTextTokenCount: inputTokens }, inputTokens };
}
