/** Neutral turns as Anthropic messages: alternating roles, results first, no empty text, thinking where it has to be. */
import type { ContentBlockParam, MessageParam } from '@anthropic-ai/sdk/resources/messages';
import type { Block, CacheMark, Message } from '../../../core/content.ts';
import { GatewayError } from '../../../core/errors.ts';
import { isObject } from '../../../core/json.ts';
import { cacheControl } from './cache-marks.ts';
import { type BlockRules, encodeCall, encodeResult } from './encode-tool-blocks.ts';
import { encodeDocument, encodeImage } from './media.ts';
import { callsOf, pairResults, type Turn } from './pair-results.ts';

type Content = ContentBlockParam[];

export interface EncodeState extends BlockRules {
  /** False when this request's thinking is off: earlier thinking is then left out. */
  readonly thinking: boolean;
}

export function encodeMessages(messages: readonly Message[], state: EncodeState): MessageParam[] {
  const turns: Turn[] = [];
  messages.forEach((message, position) => {
    const turn = encodeTurn(message, position, turns, state);
    if (turn.content.length === 0) return;
    const last = turns.at(-1);
    if (last?.role === turn.role) last.content = resultsFirst([...last.content, ...turn.content]);
    else turns.push(turn);
  });
  requireUser(turns);
  pairResults(turns, state.dropped);
  endWell(turns, state);
  return turns.map(toParam);
}

function encodeTurn(message: Message, position: number, before: readonly Turn[], state: EncodeState): Turn {
  if (message.role === 'system') return encodeMidSystem(message, before, state);
  const { role } = message;
  const content: Content = [];
  for (const block of message.blocks) {
    const encoded = encodeBlock(block, role === 'assistant', state);
    content.push(...encoded);
    if (encoded.length === 0 && 'cache' in block) moveMark(block.cache, content);
  }
  // An empty assistant turn says nothing and goes; an empty user turn is a mistake that Anthropic would refuse.
  if (content.length === 0 && role === 'user' && message.blocks.every((block) => block.type === 'text'))
    throw new GatewayError(
      'invalid_request',
      `messages.${position}: this user turn has no text; send some.`,
      {
        param: `messages.${position}.content`,
      },
    );
  return { role, content: role === 'user' ? resultsFirst(content) : content };
}

/** Results go in front of everything else, or Anthropic does not find them. */
function resultsFirst(content: Content): Content {
  const results = content.filter((block) => block.type === 'tool_result');
  return results.length === 0
    ? content
    : [...results, ...content.filter((block) => block.type !== 'tool_result')];
}

/** A cache marker on a block that goes covers what stands before it, so it moves there. */
function moveMark(cache: CacheMark | undefined, content: Content): void {
  const last = content.at(-1);
  if (
    cache !== undefined &&
    (last?.type === 'text' || last?.type === 'tool_use' || last?.type === 'tool_result')
  )
    last.cache_control ??= cacheControl(cache).cache_control ?? null;
}

/**
 * A system message between turns. Models that refuse one, and places where one would part a call from its result, get a marked user text,
 * in place: hoisting it to the top would change the order of things and spoil the cached prefix.
 */
function encodeMidSystem(message: Message, before: readonly Turn[], state: EncodeState): Turn {
  const texts = message.blocks.flatMap((block) =>
    block.type === 'text' && block.text.trim() !== '' ? [block] : [],
  );
  const native = state.model.midSystem && before.length > 0 && callsOf(before.at(-1)).length === 0;
  if (native)
    return {
      role: 'system',
      content: texts.map(({ text, cache }) => ({ type: 'text', text, ...cacheControl(cache) })),
    };
  if (texts.length === 0) return { role: 'user', content: [] };
  state.dropped.add('messages.role=system');
  const text = texts.map((block) => block.text).join('\n');
  return {
    role: 'user',
    content: [{ type: 'text', text: `<system-reminder>\n${text}\n</system-reminder>` }],
  };
}

function encodeBlock(block: Block, assistant: boolean, state: EncodeState): Content {
  switch (block.type) {
    case 'text':
      return block.text.trim() === ''
        ? []
        : [{ type: 'text', text: block.text, ...cacheControl(block.cache) }];
    case 'refusal':
      return block.text.trim() === '' ? [] : [{ type: 'text', text: block.text }];
    case 'image':
      if (assistant) return dropPicture(state);
      return [encodeImage(block.source, block.cache, state)];
    case 'document':
      if (assistant) return dropPicture(state);
      return [encodeDocument(block, state)];
    case 'reasoning':
      return assistant ? encodeThinking(block, state) : [];
    case 'tool-call':
      return [encodeCall(block, state)];
    case 'tool-result':
      return [encodeResult(block, state)];
    case 'audio':
    case 'video':
      throw new GatewayError('unsupported', `Claude cannot take ${block.type}.`, { param: 'messages' });
    case 'opaque':
      if (block.protocol !== 'anthropic-messages' || !isObject(block.raw)) {
        state.dropped.add('content');
        return [];
      }
      return [ownBlock(block.raw)];
  }
}

/** Opaque blocks of this protocol were whole blocks of a request or an answer of this protocol. */
function ownBlock(raw: unknown): ContentBlockParam {
  return raw as ContentBlockParam; // made from one, see above
}

/** Pictures that another model drew: an assistant turn of Claude's cannot hold them. */
function dropPicture(state: EncodeState): Content {
  state.dropped.add('messages.assistant.image');
  return [];
}

/** Only Anthropic's own signatures go back; a thought without one is refused there, so it is left out. */
function encodeThinking(block: Extract<Block, { type: 'reasoning' }>, state: EncodeState): Content {
  if (!state.thinking || block.carry?.family !== 'anthropic') return [];
  if (block.redacted === true) return [{ type: 'redacted_thinking', data: block.carry.payload }];
  return [{ type: 'thinking', thinking: block.text, signature: block.carry.payload }];
}

function requireUser(turns: readonly Turn[]): void {
  if (turns.some((turn) => turn.role === 'user')) return;
  throw new GatewayError('invalid_request', 'messages: Claude needs at least one user turn; send one.', {
    param: 'messages',
  });
}

function endWell(turns: Turn[], state: EncodeState): void {
  const last = turns.at(-1);
  if (last?.role !== 'assistant') return;
  if (state.model.known && !state.model.prefill) {
    throw new GatewayError(
      'unsupported',
      `${state.model.id} does not continue an unfinished assistant turn.`,
      {
        param: 'messages',
      },
    );
  }
  // An assistant turn in last place may not end in white space.
  const end = last.content.at(-1);
  if (end?.type === 'text') end.text = end.text.trimEnd();
}

function toParam({ role, content }: Turn): MessageParam {
  if (role !== 'system') return { role, content };
  return { role, content: content.filter((block) => block.type === 'text') };
}
