/** Calls and results as Claude's blocks: inputs that are objects, results that are never nothing, ids in its charset. */
import { createHash } from 'node:crypto';
import type { ToolResultBlockParam, ToolUseBlockParam } from '@anthropic-ai/sdk/resources/messages';
import type { Block, ToolCallBlock, ToolResultBlock } from '../../../core/content.ts';
import { GatewayError } from '../../../core/errors.ts';
import { isObject } from '../../../core/json.ts';
import { cacheControl } from './cache-marks.ts';
import { encodeDocument, encodeImage, type MediaRules } from './media.ts';

/** What the encoding of a turn needs to know and to tell. */
export interface BlockRules extends MediaRules {
  readonly dropped: Set<string>;
}

export function encodeCall(block: ToolCallBlock, rules: BlockRules): ToolUseBlockParam {
  return {
    type: 'tool_use',
    id: toolId(block.id),
    name: block.name,
    input: readInput(block.arguments, block.kind, rules),
    ...cacheControl(block.cache),
  };
}

type ResultContent = Exclude<ToolResultBlockParam['content'], string | undefined>;

export function encodeResult(block: ToolResultBlock, rules: BlockRules): ToolResultBlockParam {
  const content = block.blocks.flatMap((inner) => encodeResultPart(inner, rules));
  const only = content[0];
  const text = content.length === 1 && only?.type === 'text' && !only.cache_control ? only.text : undefined;
  // "content cannot be empty if is_error is true".
  const empty = block.isError === true ? 'The tool failed and said nothing.' : '';
  return {
    type: 'tool_result',
    tool_use_id: toolId(block.id),
    content: content.length === 0 ? empty : (text ?? content),
    ...(block.isError === true ? { is_error: true } : {}),
    ...cacheControl(block.cache),
  };
}

function encodeResultPart(block: Block, rules: BlockRules): ResultContent {
  switch (block.type) {
    case 'text':
    case 'refusal':
      if (block.text.trim() === '') return [];
      return [
        { type: 'text', text: block.text, ...(block.type === 'text' ? cacheControl(block.cache) : {}) },
      ];
    case 'image':
      return [encodeImage(block.source, block.cache, rules)];
    case 'document':
      return [encodeDocument(block, rules)];
    case 'opaque':
      if (block.protocol === 'anthropic-messages' && isObject(block.raw)) return [ownResultPart(block.raw)];
      break;
    case 'audio':
    case 'video':
      throw new GatewayError('unsupported', `Claude cannot take ${block.type} in a tool result.`, {
        param: 'messages',
      });
    default:
      break;
  }
  rules.dropped.add('messages.tool_result.content');
  return [];
}

/** Arguments must be an object here. Text that is none (cut by a token limit) is kept, under a name that says so. */
function readInput(text: string, kind: 'function' | 'custom', rules: BlockRules): Record<string, unknown> {
  if (kind === 'custom') return { input: text };
  const trimmed = text.trim();
  if (trimmed === '' || trimmed === 'null') return {};
  let value: unknown;
  try {
    value = JSON.parse(trimmed);
  } catch {
    // Told below, with everything else that is not an object.
  }
  if (isObject(value)) return { ...value };
  rules.dropped.add('tool_calls.arguments');
  return { _raw_arguments: text };
}

/** Opaque blocks of this protocol were blocks of a request of this protocol. */
function ownResultPart(raw: unknown): ResultContent[number] {
  return raw as ResultContent[number]; // made from one, see above
}

/** Letters, digits, _ and - only. The same id maps to the same id in every turn, so that calls and results keep meeting. */
function toolId(id: string): string {
  if (/^[a-zA-Z0-9_-]+$/.test(id)) return id;
  return `${id.replace(/[^a-zA-Z0-9_-]/g, '_').slice(0, 40)}_${createHash('sha256').update(id).digest('hex').slice(0, 12)}`;
}
