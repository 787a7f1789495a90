/** Neutral turns as Gemini contents: `user` and `model` in turn, results right after their calls and in their order, no empty text. */
import type { Block, Message, ToolCallBlock, ToolResultBlock } from '../../../core/content.ts';
import { GatewayError } from '../../../core/errors.ts';
import { isObject } from '../../../core/json.ts';
import { mediaPart, resultMediaPart } from './media.ts';
import type { RestContent, RestPart } from './rest-shape.ts';
import type { ToolNames } from './tools.ts';
import type { GeminiTraits } from './traits.ts';

/** Google's documented last resort for calls that no Gemini made: their signature is then not checked. */
const skipSignature = 'skip_thought_signature_validator';

export interface EncodeState {
  readonly traits: GeminiTraits;
  readonly names: ToolNames;
  readonly dropped: Set<string>;
}

interface Turn {
  readonly role: 'user' | 'model';
  readonly blocks: Block[];
}

export function encodeContents(messages: readonly Message[], state: EncodeState): RestContent[] {
  const turns = mergeTurns(messages, state);
  const contents: RestContent[] = [];
  let open: readonly ToolCallBlock[] = [];
  for (const turn of turns) {
    const parts =
      turn.role === 'model' ? encodeModel(turn.blocks, open, state) : encodeUser(turn.blocks, open, state);
    open = turn.role === 'model' ? turn.blocks.filter((block) => block.type === 'tool-call') : [];
    const last = contents.at(-1);
    if (parts.length === 0) continue;
    // A turn between may have come to nothing.
    if (last?.role === turn.role) last.parts.push(...parts);
    else contents.push({ role: turn.role, parts });
  }
  if (contents.length === 0)
    throw new GatewayError('invalid_request', 'The conversation has no user turn; this target needs one.', {
      param: 'messages',
    });
  return contents;
}

function mergeTurns(messages: readonly Message[], state: EncodeState): readonly Turn[] {
  const turns: Turn[] = [];
  for (const message of messages) {
    const role = message.role === 'assistant' ? 'model' : 'user';
    const blocks = message.role === 'system' ? remind(message, state) : message.blocks;
    const last = turns.at(-1);
    if (last?.role === role) last.blocks.push(...blocks);
    else if (blocks.length > 0) turns.push({ role, blocks: [...blocks] });
  }
  return turns;
}

/** There is no system role between turns: a marked user text, in place, keeps the order of things and the cached prefix. */
function remind(message: Message, state: EncodeState): readonly Block[] {
  const text = message.blocks.flatMap((block) => (block.type === 'text' ? [block.text] : [])).join('\n');
  if (text.trim() === '') return [];
  state.dropped.add('messages.role=system');
  return [{ type: 'text', text: `<system-reminder>\n${text}\n</system-reminder>` }];
}

function encodeModel(
  blocks: readonly Block[],
  open: readonly ToolCallBlock[],
  state: EncodeState,
): RestPart[] {
  if (open.length > 0) throw missingResult(open[0]);
  const parts: RestPart[] = [];
  let called = false;
  for (const block of blocks) {
    if (block.type === 'tool-call') {
      parts.push(encodeCall(block, !called, state));
      called = true;
    } else parts.push(...encodeModelBlock(block, state));
  }
  return parts;
}

function encodeModelBlock(block: Exclude<Block, ToolCallBlock>, state: EncodeState): RestPart[] {
  switch (block.type) {
    case 'text':
    case 'reasoning': {
      const signature = block.carry?.family === 'gemini' ? block.carry.payload : undefined;
      // A thought without Gemini's signature is somebody else's; it means nothing here.
      if (signature === undefined && (block.text === '' || block.type === 'reasoning')) return [];
      return [
        {
          text: block.text,
          ...(block.type === 'reasoning' ? { thought: true } : {}),
          ...(signature === undefined ? {} : { thoughtSignature: signature }),
        },
      ];
    }
    case 'refusal':
      return block.text === '' ? [] : [{ text: block.text }];
    case 'image':
    case 'document':
    case 'audio':
    case 'video':
      return [mediaPart(block, state)];
    case 'tool-result':
      throw new GatewayError('invalid_request', 'An assistant turn holds a tool result.', {
        param: 'messages',
      });
    case 'opaque':
      return encodeOpaque(block, state);
  }
}

function encodeCall(block: ToolCallBlock, first: boolean, state: EncodeState): RestPart {
  const signature =
    block.carry?.family === 'gemini'
      ? block.carry.payload
      : first && state.traits.signedCalls
        ? skipSignature
        : undefined;
  // Ids stay away: most calls come from elsewhere or got theirs from us, and Gemini matches results by order.
  return {
    functionCall: { name: state.names.toWire(block.name, block.kind), args: readArguments(block, state) },
    ...(signature === undefined ? {} : { thoughtSignature: signature }),
  };
}

/** Arguments must be an object here. Text that is none (cut by a token limit) is kept, under a name that says so. */
function readArguments(block: ToolCallBlock, state: EncodeState): Record<string, unknown> {
  if (block.kind === 'custom') return { input: block.arguments };
  const text = block.arguments.trim();
  if (text === '' || text === 'null') return {};
  const value = parseJson(text);
  if (isObject(value)) return { ...value };
  state.dropped.add('tool_calls.arguments');
  return { _raw_arguments: block.arguments };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function encodeUser(
  blocks: readonly Block[],
  open: readonly ToolCallBlock[],
  state: EncodeState,
): RestPart[] {
  const results = new Map<string, ToolResultBlock>();
  for (const block of blocks) {
    if (block.type !== 'tool-result') continue;
    // Of two results for one call, the later one was meant.
    if (results.has(block.id)) state.dropped.add('tool_result');
    results.set(block.id, block);
  }
  const answers: RestPart[] = [];
  for (const call of open) {
    const result = results.get(call.id);
    if (result === undefined) throw missingResult(call);
    results.delete(call.id);
    answers.push(...encodeResult(call, result, state));
  }
  const orphan = results.keys().next().value;
  if (orphan !== undefined)
    throw new GatewayError(
      'invalid_request',
      `The tool result for "${orphan}" answers no call of the turn before it.`,
      { param: 'messages' },
    );
  return [
    ...answers,
    ...blocks.flatMap((block) => (block.type === 'tool-result' ? [] : encodeUserBlock(block, state))),
  ];
}

function encodeUserBlock(block: Exclude<Block, ToolResultBlock>, state: EncodeState): RestPart[] {
  switch (block.type) {
    case 'text':
    case 'refusal':
      return block.text === '' ? [] : [{ text: block.text }];
    case 'image':
    case 'document':
    case 'audio':
    case 'video':
      return [mediaPart(block, state)];
    case 'reasoning':
      return [];
    case 'tool-call':
      throw new GatewayError('invalid_request', 'A user turn holds a tool call.', { param: 'messages' });
    case 'opaque':
      return encodeOpaque(block, state);
  }
}

function encodeOpaque(block: Extract<Block, { type: 'opaque' }>, state: EncodeState): RestPart[] {
  if (block.protocol === 'gemini' && isObject(block.raw)) return [{ ...block.raw }];
  state.dropped.add('content');
  return [];
}

function encodeResult(call: ToolCallBlock, result: ToolResultBlock, state: EncodeState): RestPart[] {
  const name = state.names.toWire(call.name, call.kind);
  const media = result.blocks.filter(
    (block) =>
      block.type === 'image' || block.type === 'document' || block.type === 'audio' || block.type === 'video',
  );
  const parts = state.traits.partMedia ? media.map((block) => resultMediaPart(block, state)) : [];
  const siblings = state.traits.partMedia ? [] : media.map((block) => mediaPart(block, state));
  return [
    {
      functionResponse: {
        name,
        response: resultObject(result),
        ...(parts.length === 0 ? {} : { parts }),
      },
    },
    ...siblings,
  ];
}

function resultObject(result: ToolResultBlock): Record<string, unknown> {
  const text = result.blocks
    .flatMap((block) => (block.type === 'text' || block.type === 'refusal' ? [block.text] : []))
    .join('\n');
  if (result.isError === true) return { error: text };
  const value = text.trimStart().startsWith('{') && !isFragile(text) ? parseJson(text) : undefined;
  return isObject(value) ? { ...value } : { output: text };
}

/**
 * Text that must not become an object: Gemini reads a `$ref` as a reference to media and answers 400, and a long number would
 * lose digits on its way through ours.
 */
function isFragile(text: string): boolean {
  return /\$ref|\\u0024|\d{16}/.test(text);
}

function missingResult(call: ToolCallBlock | undefined): GatewayError {
  return new GatewayError(
    'invalid_request',
    `The tool call "${call?.id ?? ''}" has no result in the turn after it.`,
    { param: 'messages' },
  );
}
