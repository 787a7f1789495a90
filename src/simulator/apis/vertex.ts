/** Vertex AI: Gemini's generateContent family, and Claude by rawPredict. */
import { asArray, asNumber, asObject, asString, isObject } from '../../core/json.ts';
import { type Ask, pieces, type Script, tokensOf } from '../brain.ts';
import { embedText } from '../vectors.ts';
import { claudeEvents, claudeMessage, readClaude, toSse } from './anthropic.ts';
import { type Api, type Embedded, type Matched, type Refusal, Refused, type Rendered } from './contract.ts';

const url = /\/publishers\/(google|anthropic)\/models\/([^/:]+):(\w+)$/;
const finish: Readonly<Record<Script['stop'], string>> = {
  end: 'STOP',
  length: 'MAX_TOKENS',
  tool: 'STOP',
  sequence: 'STOP',
  refusal: 'SAFETY',
};
const isClaude = (matched: Matched): boolean => matched.form === 'claude';

export const vertex: Api = {
  id: 'vertex',
  match(path, query) {
    const match = url.exec(path);
    if (match === null) return undefined;
    const [, publisher, model = '', verb] = match;
    const named = { model: decodeURIComponent(model) };
    if (publisher === 'anthropic') {
      if (verb !== 'rawPredict' && verb !== 'streamRawPredict') return undefined;
      return named.model === 'count-tokens'
        ? { operation: 'count-tokens', form: 'claude' }
        : { operation: 'chat', form: 'claude', ...named, stream: verb === 'streamRawPredict' };
    }
    switch (verb) {
      case 'generateContent':
        return { operation: 'chat', ...named, stream: false };
      case 'streamGenerateContent':
        return {
          operation: 'chat',
          ...named,
          stream: true,
          form: query.get('alt') === 'sse' ? 'sse' : 'array',
        };
      case 'countTokens':
        return { operation: 'count-tokens', ...named };
      case 'predict':
      case 'embedContent':
        return { operation: 'embedding', ...named, form: verb };
      default:
        return undefined;
    }
  },
  authorized: (headers, query) =>
    /^Bearer \S+/.test(headers.authorization ?? '') ||
    headers['x-goog-api-key'] !== undefined ||
    query.has('key'),
  read: (matched, body) => (isClaude(matched) ? readClaude(matched, body) : readGemini(matched, body)),
  headers: () => ({}),
  whole: (matched, ask, script) =>
    isClaude(matched) ? claudeMessage(ask, script) : geminiAnswer(ask, script),
  streamType: (matched) =>
    matched.form === 'array' ? 'application/json; charset=UTF-8' : 'text/event-stream',
  chunks(matched, ask, script) {
    if (isClaude(matched)) return claudeEvents(ask, script).map(toSse);
    const parts = geminiChunks(ask, script).map((chunk) => JSON.stringify(chunk));
    if (matched.form === 'sse') return parts.map((part) => `data: ${part}\r\n\r\n`);
    return [...parts.map((part, index) => `${index === 0 ? '[' : ',\r\n'}${part}`), ']'];
  },
  terminalChunks: (matched) => (isClaude(matched) || matched.form === 'array' ? 2 : 1),
  brokenChunk: (matched) =>
    matched.form === 'array'
      ? ',{"candidates": [{"content'
      : 'data: {"candidates": [{"content": {"parts": [{"te\r\n\r\n',
  errorChunk: (matched) =>
    isClaude(matched)
      ? toSse({ type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } })
      : `${matched.form === 'array' ? ',' : 'data: '}${JSON.stringify(errorBody(503, 'UNAVAILABLE', 'The model is overloaded. Please try again later.'))}\r\n\r\n`,
  refuse: refuseGoogle,
  flex: {
    asked: (_body, headers) => headers['x-vertex-ai-llm-shared-request-type'] === 'flex',
    full: () => refuseGoogle('rate-limit', '', {}),
  },
  embed: embedGoogle,
  count: (ask) => ({
    totalTokens: tokensOf(ask.inputCharacters),
    input_tokens: tokensOf(ask.inputCharacters),
  }),
};

function readGemini(matched: Matched, body: Readonly<Record<string, unknown>>): Ask {
  const contents = asArray(body['contents']).filter(isObject);
  if (contents.length === 0)
    throw new Refused(
      'bad-request',
      'Unable to submit request because at least one contents field is required.',
    );
  if (contents.some((content) => !['user', 'model', undefined].includes(asString(content['role']))))
    throw new Refused('bad-request', 'Please use a valid role: user, model.');
  const config = asObject(body['generationConfig']);
  const declarations = asArray(body['tools'])
    .flatMap((tool) => asArray(asObject(tool)['functionDeclarations']))
    .filter(isObject);
  const calling = asObject(asObject(body['toolConfig'])['functionCallingConfig']);
  const allowed = asArray(calling['allowedFunctionNames']).map(String);
  const last = contents.findLast((content) => content['role'] !== 'model');
  const parts = contents.flatMap((content) => asArray(content['parts'])).filter(isObject);
  const maxTokens = asNumber(config['maxOutputTokens']);
  const schema = config['responseJsonSchema'] ?? config['responseSchema'];
  const thinking = asObject(config['thinkingConfig']);
  return {
    model: matched.model ?? '',
    stream: matched.stream ?? false,
    prompt: asArray(last?.['parts'])
      .map((part) => asString(asObject(part)['text']) ?? '')
      .join(''),
    inputCharacters: JSON.stringify([body['systemInstruction'], contents]).replace(/"data":"[^"]*"/g, '')
      .length,
    images: parts.filter((part) => part['inlineData'] !== undefined || part['fileData'] !== undefined).length,
    tools: declarations.map((tool) => ({
      name: asString(tool['name']) ?? '',
      schema: tool['parametersJsonSchema'] ?? tool['parameters'],
    })),
    toolChoice:
      calling['mode'] === 'NONE'
        ? 'none'
        : allowed[0] !== undefined
          ? { name: allowed[0] }
          : calling['mode'] === 'ANY'
            ? 'required'
            : 'auto',
    parallel: true,
    answersTools: asArray(last?.['parts']).some(
      (part) => isObject(part) && part['functionResponse'] !== undefined,
    ),
    stop: asArray(config['stopSequences']).filter((one) => typeof one === 'string'),
    choices: asNumber(config['candidateCount']) ?? 1,
    thinking: thinking['includeThoughts'] === true,
    cachedCharacters: 0,
    ...(maxTokens === undefined ? {} : { maxTokens }),
    ...(schema === undefined ? {} : { schema }),
    ...(schema === undefined && config['responseMimeType'] === 'application/json' ? { json: true } : {}),
  };
}

function usageOf(ask: Ask, script: Script): object {
  const visible = script.usage.output - script.usage.thinking;
  return {
    promptTokenCount: script.usage.input,
    candidatesTokenCount: visible * ask.choices,
    totalTokenCount: script.usage.input + visible * ask.choices + script.usage.thinking,
    ...(script.usage.thinking === 0 ? {} : { thoughtsTokenCount: script.usage.thinking }),
    trafficType: trafficOf(ask),
  };
}

const trafficOf = ({ tier }: Ask): string => (tier === 'flex' ? 'ON_DEMAND_FLEX' : 'ON_DEMAND');

function callParts(script: Script): object[] {
  const thoughtSignature = Buffer.from(`thought:${script.id}`).toString('base64');
  return script.calls.map((call, index) => ({
    functionCall: { name: call.name, args: call.arguments },
    ...(index === 0 ? { thoughtSignature } : {}),
  }));
}

function geminiAnswer(ask: Ask, script: Script): object {
  const parts = [
    ...(script.thinking === '' ? [] : [{ text: script.thinking, thought: true }]),
    ...(script.text === '' ? [] : [{ text: script.text }]),
    ...callParts(script),
  ];
  const candidates = Array.from({ length: ask.choices }, (_, index) => ({
    ...(index === 0 ? {} : { index }),
    content: { role: 'model', parts },
    finishReason: finish[script.stop],
  }));
  return {
    candidates,
    usageMetadata: usageOf(ask, script),
    modelVersion: ask.model,
    createTime: '2026-11-20T12:00:00Z',
    responseId: script.id,
  };
}

function geminiChunks(ask: Ask, script: Script): readonly object[] {
  const chunk = (parts: readonly object[], last: boolean): object => ({
    candidates: [
      { content: { role: 'model', parts }, ...(last ? { finishReason: finish[script.stop] } : {}) },
    ],
    usageMetadata: last ? usageOf(ask, script) : { trafficType: trafficOf(ask) },
    modelVersion: ask.model,
    responseId: script.id,
  });
  return [
    ...pieces(script.thinking).map((text) => chunk([{ text, thought: true }], false)),
    ...pieces(script.text).map((text) => chunk([{ text }], false)),
    ...callParts(script).map((part) => chunk([part], false)),
    chunk([{ text: '' }], true),
  ];
}

const rows: Readonly<Record<Refusal, { status: number; word: string; message: string }>> = {
  'bad-request': { status: 400, word: 'INVALID_ARGUMENT', message: 'Request contains an invalid argument.' },
  auth: { status: 401, word: 'UNAUTHENTICATED', message: 'Request had invalid authentication credentials.' },
  'not-found': { status: 404, word: 'NOT_FOUND', message: 'Publisher Model was not found.' },
  'rate-limit': {
    status: 429,
    word: 'RESOURCE_EXHAUSTED',
    message: 'Resource exhausted. Please try again later.',
  },
  quota: {
    status: 429,
    word: 'RESOURCE_EXHAUSTED',
    message: 'You exceeded your current quota, please check your plan and billing details.',
  },
  'context-too-long': {
    status: 400,
    word: 'INVALID_ARGUMENT',
    message: 'The input token count (2000000) exceeds the maximum number of tokens allowed (1048576).',
  },
  'content-filter': {
    status: 400,
    word: 'INVALID_ARGUMENT',
    message: 'The prompt was blocked by safety settings.',
  },
  overloaded: {
    status: 503,
    word: 'UNAVAILABLE',
    message: 'The model is overloaded. Please try again later.',
  },
  'server-error': { status: 500, word: 'INTERNAL', message: 'An internal error has occurred.' },
};

function errorBody(code: number, status: string, message: string, details?: readonly object[]): object {
  return { error: { code, message, status, ...(details === undefined ? {} : { details }) } };
}

function refuseGoogle(
  refusal: Refusal,
  message: string,
  options: { readonly status?: number; readonly retryAfterS?: number },
): Rendered {
  const row = rows[refusal];
  const status = options.status ?? row.status;
  const details: object[] = [];
  if (options.retryAfterS !== undefined)
    details.push({
      '@type': 'type.googleapis.com/google.rpc.RetryInfo',
      retryDelay: `${options.retryAfterS}s`,
    });
  if (refusal === 'quota')
    details.push({
      '@type': 'type.googleapis.com/google.rpc.QuotaFailure',
      violations: [{ quotaId: 'GenerateRequestsPerDayPerProjectPerModel' }],
    });
  const body = errorBody(
    status,
    row.word,
    message === '' ? row.message : message,
    details.length === 0 ? undefined : details,
  );
  return { status, headers: {}, body: JSON.stringify(body) };
}

function embedGoogle(matched: Matched, body: Readonly<Record<string, unknown>>): Embedded {
  if (matched.form === 'embedContent') {
    const text = asArray(asObject(body['content'])['parts'])
      .map((part) => asString(asObject(part)['text']) ?? '')
      .join('');
    const dimensions = asNumber(body['outputDimensionality']) ?? 64;
    const inputTokens = tokensOf(text.length);
    return {
      answer: {
        embedding: { values: embedText(text, dimensions) },
        usageMetadata: { promptTokenCount: inputTokens },
      },
      inputTokens,
    };
  }
  const dimensions = asNumber(asObject(body['parameters'])['outputDimensionality']) ?? 64;
  const texts = asArray(body['instances']).map((instance) => asString(asObject(instance)['content']) ?? '');
  const predictions = texts.map((text) => ({
    embeddings: {
      values: embedText(text, dimensions),
      statistics: { truncated: false, token_count: tokensOf(text.length) },
    },
  }));
  return {
    answer: { predictions, metadata: { billableCharacterCount: 1 } },
    inputTokens: texts.reduce((sum, text) => sum + tokensOf(text.length), 0),
  };
}
