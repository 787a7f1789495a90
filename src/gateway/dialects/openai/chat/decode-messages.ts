/**
 * Chat Completions messages to neutral turns. Tool messages become results in a user turn; consecutive ones, and the
 * user message behind them, share one turn, as every other protocol wants it.
 */
import type { Block, Carry, Message, TextBlock } from '../../../../core/content.ts';
import { asArray, asString, isObject } from '../../../../core/json.ts';
import { type Fields, invalid, requireArray, requireObject, requireString } from '../read.ts';
import { decodeCache, decodeContent } from './decode-content.ts';

export interface DecodedMessages {
  readonly system: readonly TextBlock[];
  readonly messages: readonly Message[];
}

export function decodeMessages(value: unknown): DecodedMessages {
  const list = requireArray(value, 'messages');
  if (list.length === 0) throw invalid('messages', 'expected at least one message.');
  const system: TextBlock[] = [];
  const messages: Message[] = [];
  /** Calls that have no result yet, by id. */
  const calls = new Set<string>();
  for (const [position, entry] of list.entries()) {
    const param = `messages[${position}]`;
    const message = requireObject(entry, param);
    const name = asString(message['name']);
    const named = name === undefined ? {} : { name };
    switch (message['role']) {
      case 'system':
      case 'developer': {
        const blocks = decodeContent(message['content'], `${param}.content`);
        if (messages.length > 0) messages.push({ role: 'system', blocks, ...named });
        else system.push(...onlyText(blocks, param));
        break;
      }
      case 'user': {
        const blocks = decodeContent(message['content'], `${param}.content`);
        const last = messages.at(-1);
        if (last !== undefined && isResults(last))
          messages[messages.length - 1] = { ...last, blocks: [...last.blocks, ...blocks], ...named };
        else messages.push({ role: 'user', blocks, ...named });
        break;
      }
      case 'assistant':
        messages.push({ role: 'assistant', blocks: decodeAssistant(message, param, calls), ...named });
        break;
      case 'tool':
      case 'function':
        addResult(message, param, calls, messages);
        break;
      default:
        throw invalid(
          `${param}.role`,
          `"${String(message['role']).slice(0, 40)}" is not one of system, developer, user, assistant, tool, function.`,
        );
    }
  }
  return { system, messages };
}

function isResults(message: Message): boolean {
  return (
    message.role === 'user' &&
    message.blocks.length > 0 &&
    message.blocks.every((block) => block.type === 'tool-result')
  );
}

function onlyText(blocks: readonly Block[], param: string): TextBlock[] {
  return blocks.map((block) => {
    if (block.type === 'text') return block;
    throw invalid(`${param}.content`, 'system messages may hold text only.');
  });
}

function addResult(message: Fields, param: string, calls: Set<string>, messages: Message[]): void {
  const legacy = message['role'] === 'function';
  const id = legacy
    ? `call_fn_${requireString(message['name'], `${param}.name`)}`
    : requireString(message['tool_call_id'], `${param}.tool_call_id`);
  if (!calls.has(id))
    throw invalid(
      legacy ? `${param}.name` : `${param}.tool_call_id`,
      'no earlier assistant message has a call with this id.',
    );
  const blocks = decodeContent(message['content'], `${param}.content`);
  const result: Block = { type: 'tool-result', id, blocks, ...decodeCache(message) };
  const last = messages.at(-1);
  if (last?.role !== 'user' || !isResults(last)) {
    messages.push({ role: 'user', blocks: [result] });
    return;
  }
  // A result given twice: the last one counts, as at OpenAI.
  const others = last.blocks.filter((block) => block.type !== 'tool-result' || block.id !== id);
  messages[messages.length - 1] = { ...last, blocks: [...others, result] };
}

function decodeAssistant(message: Fields, param: string, calls: Set<string>): Block[] {
  const blocks: Block[] = [
    ...decodeReasoning(message),
    ...decodeContent(message['content'], `${param}.content`),
  ];
  const refusal = asString(message['refusal']);
  if (refusal !== undefined && refusal !== '') blocks.push({ type: 'refusal', text: refusal });
  const list = message['tool_calls'];
  if (list !== undefined && list !== null) {
    for (const [position, entry] of requireArray(list, `${param}.tool_calls`).entries()) {
      const call = decodeCall(
        requireObject(entry, `${param}.tool_calls[${position}]`),
        `${param}.tool_calls[${position}]`,
      );
      if (call.type === 'tool-call') calls.add(call.id);
      blocks.push(call);
    }
  }
  const legacy = message['function_call'];
  if (isObject(legacy)) {
    const name = requireString(legacy['name'], `${param}.function_call.name`);
    const id = `call_fn_${name}`;
    calls.add(id);
    blocks.push({
      type: 'tool-call',
      id,
      name,
      kind: 'function',
      arguments: asString(legacy['arguments']) ?? '',
    });
  }
  return blocks;
}

function decodeCall(call: Fields, param: string): Block {
  const id = requireString(call['id'], `${param}.id`);
  if (call['type'] === 'custom') {
    const custom = requireObject(call['custom'], `${param}.custom`);
    return {
      type: 'tool-call',
      kind: 'custom',
      id,
      name: requireString(custom['name'], `${param}.custom.name`),
      arguments: asString(custom['input']) ?? '',
    };
  }
  const named = requireObject(call['function'], `${param}.function`);
  const carry = decodeCallCarry(call);
  return {
    type: 'tool-call',
    kind: 'function',
    id,
    name: requireString(named['name'], `${param}.function.name`),
    arguments: asString(named['arguments']) ?? '',
    ...(carry === undefined ? {} : { carry }),
  };
}

/** Where `encode-answer.ts` put it: a client that sends our message back as it came brings the signature along. */
function decodeCallCarry(call: Fields): Carry | undefined {
  const extra = call['extra_content'];
  const google = isObject(extra) ? extra['google'] : undefined;
  const payload = isObject(google) ? asString(google['thought_signature']) : undefined;
  return payload === undefined ? undefined : { family: 'gemini', payload };
}

/** Reasoning that a client echoes: signed blocks where it kept them, else the bare text. */
function decodeReasoning(message: Fields): Block[] {
  const signed = asArray(message['thinking_blocks']).flatMap((entry): Block[] => {
    if (!isObject(entry)) return [];
    if (entry['type'] === 'redacted_thinking') {
      const payload = asString(entry['data']);
      return payload === undefined
        ? []
        : [{ type: 'reasoning', text: '', redacted: true, carry: { family: 'anthropic', payload } }];
    }
    const payload = asString(entry['signature']);
    const text = asString(entry['thinking']) ?? '';
    return [
      {
        type: 'reasoning',
        text,
        ...(payload === undefined ? {} : { carry: { family: familyOf(entry), payload } }),
      },
    ];
  });
  if (signed.length > 0) return signed;
  const details = message['reasoning_details'];
  const text = asString(message['reasoning_content']) ?? asString(message['reasoning']) ?? '';
  if (Array.isArray(details) && details.length > 0) {
    return [{ type: 'reasoning', text, carry: { family: 'openai', payload: JSON.stringify(details) } }];
  }
  return text === '' ? [] : [{ type: 'reasoning', text }];
}

function familyOf(entry: Fields): Carry['family'] {
  const family = entry['family'];
  return family === 'gemini' || family === 'openai' || family === 'converse' ? family : 'anthropic';
}
