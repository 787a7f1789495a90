/**
 * What a recorded answer says, read straight from its JSON by a few lines for each protocol that share no code with our decoders: text,
 * calls, stop word, tokens. What ours is held against.
 */
import type { Recording } from './recordings.ts';

// Recorded JSON, walked freely: this file is a witness, not a parser.
// biome-ignore lint/suspicious/noExplicitAny: see above
type Free = any;

/** Recorders spliced two streams into these: they have no one truth. */
const spliced = /spliced|duplicate-message-start/;

export interface Truth {
  readonly text: string;
  readonly calls: readonly { readonly name: string; readonly arguments: unknown }[];
  readonly ids: readonly string[];
  readonly input: number | undefined;
  readonly output: number | undefined;
}

export function truthOf(recording: Recording): Truth | undefined {
  const folder = recording.case.split('/')[0] ?? '';
  const { response } = recording;
  if (spliced.test(recording.case)) return undefined;
  if (folder === 'bedrock-converse')
    return response.events === undefined ? converse(response.body) : converseStream([...response.events]);
  const events = framesOf(recording);
  if (folder === 'vertex-gemini' || folder === 'gemini-aistudio') {
    const first: Free = events?.[0] ?? response.body;
    if (first?.choices !== undefined) return events === undefined ? chat(response.body) : chatStream(events);
    return gemini(events ?? [response.body]);
  }
  if (folder === 'anthropic' || folder === 'vertex-claude' || folder === 'bedrock-invoke')
    return events === undefined ? message(response.body) : messageStream(events);
  return events === undefined ? chat(response.body) : chatStream(events);
}

function framesOf({ response }: Recording): Free[] | undefined {
  if (response.events !== undefined)
    return response.events.map(({ payload }) =>
      JSON.parse(Buffer.from(String(payload['bytes']), 'base64').toString()),
    );
  return response.sse?.flatMap((block) => {
    const data = block
      .split(/\r?\n/)
      .filter((line) => line.startsWith('data:'))
      .map((line) => line.slice(5))
      .join('\n')
      .trim();
    if (data === '' || data === '[DONE]') return [];
    return [JSON.parse(data)];
  });
}

const parse = (text: string | undefined): unknown =>
  text === undefined || text.trim() === '' ? {} : JSON.parse(text);

/** Gemini's and xAI's completion tokens leave reasoning out; what the total holds beyond the prompt is what is billed. */
function chatOutput(usage: Free): number | undefined {
  const hidden = (usage?.total_tokens ?? 0) - (usage?.prompt_tokens ?? 0);
  return usage?.completion_tokens === undefined ? undefined : Math.max(usage.completion_tokens, hidden);
}

function chat(body: Free): Truth {
  const messages: Free[] = body.choices.map((choice: Free) => choice.message ?? {});
  const calls: Free[] = messages.flatMap((one) => [
    ...(one.tool_calls ?? []),
    ...(one.function_call?.name ? [{ function: one.function_call }] : []),
  ]);
  const content = (value: Free): string =>
    typeof value === 'string' ? value : (value ?? []).map((part: Free) => part.text ?? '').join('');
  return {
    text: messages.map((one) => content(one.content)).join(''),
    calls: calls.map((call) => ({
      name: (call.function ?? call.custom).name,
      arguments: call.custom ? call.custom.input : parse(call.function.arguments),
    })),
    ids: calls.flatMap((call) => (call.id ? [call.id] : [])),
    input: body.usage?.prompt_tokens,
    output: chatOutput(body.usage),
  };
}

function chatStream(chunks: Free[]): Truth {
  const texts: string[] = [];
  const calls = new Map<string, { name: string; arguments: string; id: string }>();
  let usage: Free;
  for (const chunk of chunks) {
    usage = chunk.usage ?? chunk.x_groq?.usage ?? usage;
    for (const choice of chunk.choices ?? []) {
      const { content } = choice.delta ?? {};
      const added =
        typeof content === 'string' ? content : (content ?? []).map((part: Free) => part.text ?? '').join('');
      texts[choice.index ?? 0] = (texts[choice.index ?? 0] ?? '') + added;
      for (const piece of choice.delta?.tool_calls ?? []) {
        const key = `${choice.index}.${piece.index ?? piece.id}`;
        const call = calls.get(key) ?? { name: '', arguments: '', id: '' };
        calls.set(key, call);
        call.id ||= piece.id ?? '';
        call.name ||= piece.function?.name ?? '';
        call.arguments += piece.function?.arguments ?? '';
      }
    }
  }
  const list = [...calls.values()];
  return {
    text: texts.join(''),
    calls: list.map((call) => ({ name: call.name, arguments: parse(call.arguments) })),
    ids: list.flatMap(({ id }) => (id === '' ? [] : [id])),
    input: usage?.prompt_tokens,
    output: chatOutput(usage),
  };
}

const claudeInput = (usage: Free): number | undefined =>
  usage?.input_tokens === undefined
    ? undefined
    : usage.input_tokens + (usage.cache_read_input_tokens ?? 0) + (usage.cache_creation_input_tokens ?? 0);

function message(body: Free): Truth {
  const calls: Free[] = body.content.filter((block: Free) => block.type === 'tool_use');
  return {
    text: body.content
      .filter((block: Free) => block.type === 'text')
      .map((block: Free) => block.text)
      .join(''),
    calls: calls.map((call) => ({ name: call.name, arguments: call.input })),
    ids: calls.map((call) => call.id),
    input: claudeInput(body.usage),
    output: body.usage?.output_tokens,
  };
}

function messageStream(events: Free[]): Truth {
  let text = '';
  const calls: { name: string; id: string; json: string }[] = [];
  let usage: Free = {};
  for (const event of events) {
    if (event.type === 'message_start') usage = { ...usage, ...event.message.usage };
    if (event.type === 'message_delta')
      usage = {
        ...usage,
        ...Object.fromEntries(Object.entries(event.usage ?? {}).filter(([, value]) => value !== null)),
      };
    if (event.type === 'content_block_start' && event.content_block.type === 'tool_use')
      calls.push({ name: event.content_block.name, id: event.content_block.id, json: '' });
    if (event.type === 'content_block_start') text += event.content_block.text ?? '';
    if (event.type === 'content_block_delta') {
      text += event.delta.text ?? '';
      const last = calls.at(-1);
      if (event.delta.type === 'input_json_delta' && last !== undefined)
        last.json += event.delta.partial_json;
    }
    if (event.type === 'message_stop') break;
  }
  return {
    text,
    calls: calls.map((call) => ({ name: call.name, arguments: parse(call.json) })),
    ids: calls.map(({ id }) => id),
    input: claudeInput(usage),
    output: usage.output_tokens,
  };
}

function gemini(chunks: Free[]): Truth {
  const parts: Free[] = chunks
    .flatMap((chunk) => chunk.candidates ?? [])
    .flatMap((candidate) => candidate.content?.parts ?? []);
  const usage = chunks
    .map((chunk) => chunk.usageMetadata)
    .findLast((one) => one?.promptTokenCount !== undefined);
  const partial = parts.some(
    (part) => part.functionCall?.partialArgs !== undefined || part.functionCall?.willContinue !== undefined,
  );
  const calls = partial ? [] : parts.filter((part) => part.functionCall !== undefined);
  return {
    text: parts
      .filter((part) => part.text !== undefined && part.thought !== true)
      .map((part) => part.text)
      .join(''),
    calls: calls.map((part) => ({ name: part.functionCall.name, arguments: part.functionCall.args ?? {} })),
    ids: calls.flatMap((part) => (part.functionCall.id ? [part.functionCall.id] : [])),
    input: usage === undefined ? undefined : usage.promptTokenCount + (usage.toolUsePromptTokenCount ?? 0),
    output:
      usage?.candidatesTokenCount === undefined && usage?.thoughtsTokenCount === undefined
        ? undefined
        : (usage.candidatesTokenCount ?? 0) + (usage.thoughtsTokenCount ?? 0),
  };
}

function converseUsage(usage: Free): Pick<Truth, 'input' | 'output'> {
  if (usage === undefined) return { input: undefined, output: undefined };
  return {
    input: usage.inputTokens + (usage.cacheReadInputTokens ?? 0) + (usage.cacheWriteInputTokens ?? 0),
    output: usage.outputTokens,
  };
}

function converse(body: Free): Truth {
  const blocks: Free[] = body.output.message.content;
  const calls = blocks.filter((block) => block.toolUse !== undefined).map((block) => block.toolUse);
  return {
    text: blocks
      .map(
        (block) =>
          block.text ?? (block.citationsContent?.content ?? []).map((one: Free) => one.text).join(''),
      )
      .join(''),
    calls: calls.map((call) => ({ name: call.name, arguments: call.input })),
    ids: calls.map((call) => call.toolUseId),
    ...converseUsage(body.usage),
  };
}

function converseStream(events: Free[]): Truth {
  let text = '';
  const calls: { name: string; id: string; json: string }[] = [];
  let usage: Free;
  for (const { payload } of events) {
    text += payload.delta?.text ?? '';
    const start = payload.start?.toolUse;
    if (start !== undefined) calls.push({ name: start.name, id: start.toolUseId, json: '' });
    const last = calls.at(-1);
    if (payload.delta?.toolUse !== undefined && last !== undefined) last.json += payload.delta.toolUse.input;
    usage = payload.usage ?? usage;
  }
  return {
    text,
    calls: calls.map((call) => ({ name: call.name, arguments: parse(call.json) })),
    ids: calls.map(({ id }) => id),
    ...converseUsage(usage),
  };
}
