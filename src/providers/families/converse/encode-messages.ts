/**
 * Neutral turns as Converse messages: alternating roles, results grouped in front, cache points behind what they mark, documents named and
 * never without a text.
 */
import { createHash } from 'node:crypto';
import type { Block, CacheMark, Message, ReasoningBlock, ToolResultBlock } from '../../../core/content.ts';
import { GatewayError } from '../../../core/errors.ts';
import { isObject } from '../../../core/json.ts';
import type { ModelInfo } from '../../../core/model.ts';
import {
  createDocumentNames,
  type DocumentNames,
  encodeAudio,
  encodeDocument,
  encodeImage,
  encodeVideo,
} from './encode-media.ts';
import type { FreeForm, RestBlock, RestCachePoint, RestMessage, RestResultBlock } from './rest-shape.ts';
import type { ConverseTraits } from './traits.ts';
import { pairResults, resultsFirst, separateTools, type Turn, type Unit, withText } from './turn-rules.ts';

export interface EncodeState {
  readonly model: ModelInfo;
  readonly traits: ConverseTraits;
  readonly dropped: Set<string>;
  /** False where this request's thinking is off: Claude's earlier thinking is then left out. */
  readonly thinking: boolean;
}

export function encodeMessages(messages: readonly Message[], state: EncodeState): RestMessage[] {
  const names = createDocumentNames();
  const turns: Turn[] = [];
  for (const message of messages) {
    const role = message.role === 'system' && !takesMidSystem(state) ? 'user' : message.role;
    const units = encodeTurn(message, names, state);
    if (units.length === 0) continue;
    const last = turns.at(-1);
    if (last?.role === role) last.units = [...last.units, ...units];
    else turns.push({ role, units });
  }
  for (const turn of turns) if (turn.role === 'user') turn.units = resultsFirst(turn.units);
  pairResults(turns, state.dropped);
  if (!state.traits.mixedTurns) for (const turn of turns) separateTools(turn, state.dropped);
  for (const turn of turns) if (turn.role === 'user') turn.units = withText(turn.units);
  checkEnds(turns, state);
  return turns.map(({ role, units }) => ({ role, content: flatten(units, state) }));
}

function encodeTurn(message: Message, names: DocumentNames, state: EncodeState): readonly Unit[] {
  if (message.role === 'system') return encodeMidSystem(message, state);
  const units: Unit[] = [];
  for (const block of message.blocks) {
    const encoded = encodeBlock(block, message.role === 'assistant', names, state);
    const mark = markOf(block);
    const before = units.at(-1);
    if (encoded !== undefined) units.push(mark === undefined ? { block: encoded } : { block: encoded, mark });
    // What it marked is gone; the prefix up to here may still be cached.
    else if (mark !== undefined && before !== undefined) units[units.length - 1] = { ...before, mark };
  }
  return units;
}

function markOf(block: Block): CacheMark | undefined {
  if (block.type === 'tool-result')
    return block.cache ?? block.blocks.map(markOf).findLast((mark) => mark !== undefined);
  return 'cache' in block ? block.cache : undefined;
}

/** A system message between turns; for models that refuse one a marked user text, in place, so that the order and the cached prefix stay. */
function encodeMidSystem(message: Message, state: EncodeState): readonly Unit[] {
  const text = message.blocks.flatMap((block) => (block.type === 'text' ? [block.text] : [])).join('\n');
  if (text.trim() === '') return [];
  if (takesMidSystem(state)) return [{ block: { text } }];
  state.dropped.add('messages.role=system');
  return [{ block: { text: `<system-reminder>\n${text}\n</system-reminder>` } }];
}

function takesMidSystem({ model, traits }: EncodeState): boolean {
  return model.known && model.midSystem && traits.midSystem;
}

function checkEnds(turns: readonly Turn[], { model }: EncodeState): void {
  const last = turns.at(-1);
  if (last === undefined || turns.every((turn) => turn.role !== 'user'))
    throw new GatewayError('invalid_request', 'The conversation has no user turn; this target needs one.', {
      param: 'messages',
    });
  if (last.role !== 'assistant') return;
  if (model.known && !model.prefill)
    throw new GatewayError('unsupported', `${model.id} does not continue an unfinished assistant turn.`, {
      param: 'messages',
    });
  const end = last.units.at(-1)?.block;
  // An assistant turn in last place may not end in white space.
  if (end !== undefined && 'text' in end && end.text !== undefined)
    last.units = [...last.units.slice(0, -1), { block: { text: end.text.trimEnd() } }];
}

function flatten(units: readonly Unit[], { traits }: EncodeState): RestBlock[] {
  return units.flatMap(({ block, mark }): RestBlock[] => {
    const point = cachePoint(mark, traits);
    return point === undefined ? [block] : [block, { cachePoint: point }];
  });
}

/** Nothing where the model takes no mark: it is a hint, and goes silently. */
export function cachePoint(
  mark: CacheMark | undefined,
  { cache }: ConverseTraits,
): RestCachePoint | undefined {
  if (mark === undefined || cache === undefined) return undefined;
  return { type: 'default', ...(mark.ttl === undefined || !cache.ttl ? {} : { ttl: mark.ttl }) };
}

function encodeBlock(
  block: Block,
  assistant: boolean,
  names: DocumentNames,
  state: EncodeState,
): RestBlock | undefined {
  switch (block.type) {
    case 'text':
      // White space alone is refused in either role.
      return block.text.trim() === '' ? undefined : { text: block.text };
    case 'refusal':
      return block.text.trim() === '' ? undefined : { text: block.text };
    case 'image':
      return encodeImage(block);
    case 'document':
      return encodeDocument(block, names);
    case 'video':
      return encodeVideo(block);
    case 'audio':
      return encodeAudio(block);
    case 'reasoning':
      return assistant ? encodeReasoning(block, state) : undefined;
    case 'tool-call':
      return {
        toolUse: {
          toolUseId: toolId(block.id, state.traits),
          name: block.name,
          input: readInput(block.arguments, block.kind, state),
        },
      };
    case 'tool-result':
      return encodeResult(block, names, state);
    case 'opaque':
      state.dropped.add('messages.content');
      return undefined;
  }
}

/**
 * Only a signature that this model's family made goes back; unsigned thinking is refused by some models and ignored by the others.
 * Converse has encrypted thinking as bytes, which for Claude are the very text that Messages calls `data`.
 */
function encodeReasoning(block: ReasoningBlock, state: EncodeState): RestBlock | undefined {
  const { family } = state.traits;
  if (block.carry?.family !== family || (family === 'anthropic' && !state.thinking)) return undefined;
  const { payload } = block.carry;
  if (block.redacted !== true)
    return { reasoningContent: { reasoningText: { text: block.text, signature: payload } } };
  return {
    reasoningContent: { redactedContent: Buffer.from(payload, 'latin1').toString('base64') },
  };
}

function encodeResult(block: ToolResultBlock, names: DocumentNames, state: EncodeState): RestBlock {
  const content = block.blocks.flatMap((inner): RestResultBlock[] => {
    switch (inner.type) {
      case 'text':
        return inner.text === '' ? [] : [{ text: inner.text }];
      case 'image':
        return [encodeImage(inner)];
      case 'document':
        return [encodeDocument(inner, names)];
      case 'video':
        return [encodeVideo(inner)];
      default:
        state.dropped.add('messages.content');
        return [];
    }
  });
  return {
    toolResult: {
      toolUseId: toolId(block.id, state.traits),
      // A result without content is refused.
      content: content.length === 0 ? [{ text: '(no output)' }] : content,
      ...(block.isError === true ? { status: 'error' } : {}),
    },
  };
}

/** The same id maps to the same id in every turn, so that calls and results keep meeting. */
export function toolId(id: string, { shortIds }: ConverseTraits): string {
  if (shortIds) return /^[A-Za-z0-9]{9}$/.test(id) ? id : digest(id).slice(0, 9);
  if (/^[A-Za-z0-9_.:-]{1,64}$/.test(id)) return id;
  return `${id.replace(/[^A-Za-z0-9_.:-]/g, '_').slice(0, 47)}_${digest(id).slice(0, 16)}`;
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Arguments must be an object here. Text that is none (cut by a token limit) is kept, under a name that says so. */
function readInput(text: string, kind: 'function' | 'custom', state: EncodeState): FreeForm {
  if (kind === 'custom') return { input: text };
  const trimmed = text.trim();
  if (trimmed === '' || trimmed === 'null') return {};
  try {
    const value: unknown = JSON.parse(trimmed);
    if (isObject(value)) return value;
  } catch {
    // Told below, with everything else that is not an object.
  }
  state.dropped.add('tool_calls.arguments');
  return { _raw_arguments: text };
}
