/** Neutral messages to Chat Completions messages. */
import type {
  ChatCompletionAssistantMessageParam,
  ChatCompletionMessageParam,
  ChatCompletionMessageToolCall,
} from 'openai/resources/chat/completions';
import type {
  Block,
  Message,
  OpaqueBlock,
  ReasoningBlock,
  ToolCallBlock,
  ToolResultBlock,
} from '../../../core/content.ts';
import { asString, isObject } from '../../../core/json.ts';
import type { ChatRequest } from '../../../core/request.ts';
import {
  documentText,
  type EncodeState,
  encodePart,
  type Part,
  simplifyParts,
  textContent,
} from './encode-content.ts';
import { toolId } from './tool-id.ts';

/** Fields that some servers take beyond OpenAI's own. */
type AssistantMessage = ChatCompletionAssistantMessageParam & {
  reasoning_content?: string;
  reasoning?: string;
  reasoning_details?: unknown;
  thinking_blocks?: object[];
};

export function encodeMessages(request: ChatRequest, state: EncodeState): ChatCompletionMessageParam[] {
  const { model, traits } = state;
  const systemRole =
    traits.developerRole && model.known && model.thinking === 'effort' ? 'developer' : 'system';
  const messages: ChatCompletionMessageParam[] = [];
  const system = textContent(request.system, state);
  if (system.length > 0) messages.push({ role: systemRole, content: system });
  for (const message of request.messages) {
    const name = message.name === undefined || !traits.names ? {} : { name: message.name };
    if (message.name !== undefined && !traits.names) state.dropped.add('messages.name');
    switch (message.role) {
      case 'system':
        if (traits.midSystem && model.midSystem)
          messages.push({ role: systemRole, content: textContent(message.blocks, state), ...name });
        else messages.push({ role: 'user', content: reminder(message, state) });
        break;
      case 'user':
        encodeUser(message, name, state, messages);
        break;
      case 'assistant': {
        const encoded = encodeAssistant(message, state);
        if (encoded !== undefined) messages.push({ ...encoded, ...name });
        break;
      }
    }
  }
  return messages;
}

/** In its place and not at the top: moving it would change the order and break the cached prefix. */
function reminder(message: Message, state: EncodeState): string {
  state.dropped.add('messages.role=system');
  return `<system-reminder>\n${texts(message.blocks).join('\n\n')}\n</system-reminder>`;
}

function texts(blocks: readonly Block[]): string[] {
  return blocks.flatMap((block) => (block.type === 'text' ? [block.text] : []));
}

/**
 * Tool results first, each a message of its own. They hold text alone, so media in them follow in a user message, as
 * the protocol demands.
 */
function encodeUser(
  message: Message,
  name: { name?: string },
  state: EncodeState,
  messages: ChatCompletionMessageParam[],
): void {
  const parts: Part[] = [];
  let results = 0;
  for (const block of message.blocks) {
    if (block.type !== 'tool-result') continue;
    results += 1;
    const id = toolId(block.id, state.traits);
    const media = block.blocks.filter((inner) => resultText(inner) === undefined);
    messages.push({ role: 'tool', tool_call_id: id, content: encodeResult(block, media.length > 0) });
    if (media.length === 0) continue;
    state.dropped.add('messages.tool_result.content');
    const moved = media.flatMap((inner) => encodePart(inner, state));
    if (moved.length > 0)
      parts.push({ type: 'text', text: `The following was returned by tool call ${id}:` }, ...moved);
  }
  for (const block of message.blocks) {
    if (block.type !== 'tool-result') parts.push(...encodePart(block, state));
  }
  if (parts.length > 0 || results === 0)
    messages.push({ role: 'user', content: simplifyParts(parts, state), ...name });
}

function resultText(block: Block): string | undefined {
  if (block.type === 'text') return block.text;
  return block.type === 'document' ? documentText(block) : undefined;
}

function encodeResult(block: ToolResultBlock, hasMedia: boolean): string {
  const text = block.blocks.flatMap((inner) => resultText(inner) ?? []).join('\n');
  // The protocol has no error flag: the text has to say it.
  if (block.isError === true && !/^error/i.test(text)) return `Error: ${text}`;
  return text === '' && hasMedia ? 'What this tool call returned follows in the next message.' : text;
}

function encodeAssistant(message: Message, state: EncodeState): AssistantMessage | undefined {
  const { traits } = state;
  const calls: ChatCompletionMessageToolCall[] = [];
  const reasoning: ReasoningBlock[] = [];
  let text = '';
  let refusal = '';
  let audio: { id: string } | undefined;
  for (const block of message.blocks) {
    if (block.type === 'text') text += block.text;
    else if (block.type === 'tool-call') calls.push(encodeCall(block, state));
    else if (block.type === 'refusal') refusal += block.text;
    else if (block.type === 'reasoning') reasoning.push(block);
    else if (block.type === 'opaque' && audioId(block) !== undefined) audio = { id: audioId(block) ?? '' };
    else state.dropped.add('messages.content');
  }
  if (!traits.refusals) {
    text += refusal;
    refusal = '';
  }
  if (text === '' && calls.length === 0 && refusal === '' && audio === undefined) return undefined;
  return {
    role: 'assistant',
    content: text === '' ? null : text,
    ...(refusal === '' ? {} : { refusal }),
    ...(audio === undefined ? {} : { audio }),
    ...encodeReasoning(reasoning, calls.length > 0, state),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  };
}

/** Spoken answers go back by their id. */
function audioId(block: OpaqueBlock): string | undefined {
  return block.protocol === 'openai-chat' && isObject(block.raw) ? asString(block.raw['id']) : undefined;
}

/** Reasoning goes back to the server that made it: what is signed in that server's own field, else as text where it is wanted. */
function encodeReasoning(
  blocks: readonly ReasoningBlock[],
  hasCalls: boolean,
  { traits }: EncodeState,
): Partial<AssistantMessage> {
  const { carryField, reasoningField } = traits;
  if (carryField === 'thinking_blocks') {
    const signed = blocks.filter((block) => block.carry?.family === 'anthropic');
    if (signed.length > 0) return { thinking_blocks: signed.map(thinkingBlock) };
  }
  if (carryField === 'reasoning_details') {
    const details = blocks.flatMap((block) =>
      block.carry?.family === 'openai' ? readDetails(block.carry.payload) : [],
    );
    if (details.length > 0) return { reasoning_details: details };
  }
  if (reasoningField === undefined) return {};
  // Another vendor's thoughts are not this model's own.
  const own = blocks.filter((block) => block.carry === undefined || block.carry.family === 'openai');
  const text = own.map((block) => block.text).join('');
  if (traits.reasoningWithCalls) return hasCalls ? { [reasoningField]: text } : {};
  return text === '' ? {} : { [reasoningField]: text };
}

function thinkingBlock(block: ReasoningBlock): object {
  const payload = block.carry?.payload ?? '';
  return block.redacted === true
    ? { type: 'redacted_thinking', data: payload }
    : { type: 'thinking', thinking: block.text, signature: payload };
}

/** A carry of ours is a JSON list; one that is not came from elsewhere and cannot go back here. */
function readDetails(payload: string): readonly unknown[] {
  try {
    const details: unknown = JSON.parse(payload);
    return Array.isArray(details) ? details : [];
  } catch {
    return [];
  }
}

function encodeCall(block: ToolCallBlock, { traits }: EncodeState): ChatCompletionMessageToolCall {
  const id = toolId(block.id, traits);
  if (block.kind === 'custom')
    return { id, type: 'custom', custom: { name: block.name, input: block.arguments } };
  const text = block.arguments.trim();
  const signed =
    traits.thoughtSignatures && block.carry?.family === 'gemini'
      ? { extra_content: { google: { thought_signature: block.carry.payload } } }
      : {};
  return {
    id,
    type: 'function',
    function: { name: block.name, arguments: text === '' || text === 'null' ? '{}' : block.arguments },
    ...signed,
  };
}
