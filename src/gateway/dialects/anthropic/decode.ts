/** An Anthropic Messages request in neutral form. Refuses what Anthropic would refuse, naming the field. */
import type { Block, CacheMark, Message, TextBlock } from '../../../core/content.ts';
import { asString, isObject } from '../../../core/json.ts';
import { present } from '../../../core/present.ts';
import type { ChatRequest } from '../../../core/request.ts';
import { decodeCache, decodeContent } from './decode-content.ts';
import { decodeFormat, decodeThinking } from './decode-output.ts';
import { decodeParallel, decodeToolChoice, decodeTools, isFunctionTool } from './decode-tools.ts';
import {
  type Fields,
  invalid,
  optionalBoolean,
  optionalNumber,
  requireArray,
  requireObject,
  requireString,
} from './read.ts';

const known = new Set([
  'model',
  'messages',
  'system',
  'max_tokens',
  'stream',
  'temperature',
  'top_p',
  'top_k',
  'stop_sequences',
  'tools',
  'tool_choice',
  'thinking',
  'output_config',
  'output_format',
  'metadata',
  'service_tier',
  'cache_control',
]);

/** The members that we read of fields that hold several. */
const knownInside: Readonly<Record<string, readonly string[]>> = {
  output_config: ['effort', 'format'],
  thinking: ['type', 'budget_tokens', 'display'],
  metadata: ['user_id'],
  tools: ['type', 'name', 'description', 'input_schema', 'strict', 'cache_control'],
};

const markable: ReadonlySet<Block['type']> = new Set([
  'text',
  'image',
  'document',
  'tool-call',
  'tool-result',
]);

/** `count_tokens` has no `max_tokens`; Messages demands it. */
export function decodeMessages(body: unknown, counting = false): ChatRequest {
  const fields = requireObject(body, 'body');
  const maxOutputTokens = optionalNumber(fields, 'max_tokens', 1, Number.MAX_SAFE_INTEGER, true);
  if (maxOutputTokens === undefined && !counting) throw invalid('max_tokens', 'Field required');
  const tools = decodeTools(fields['tools']);
  const metadata = isObject(fields['metadata']) ? asString(fields['metadata']['user_id']) : undefined;
  return {
    kind: 'chat',
    model: requireString(fields['model'], 'model'),
    system: decodeSystem(fields['system']),
    messages: markLast(decodeTurns(fields['messages']), decodeCache(fields).cache),
    tools,
    stream: optionalBoolean(fields, 'stream') ?? false,
    streamUsage: true,
    extensions: decodeExtensions(fields),
    ...present({
      maxOutputTokens,
      temperature: optionalNumber(fields, 'temperature', 0, 1),
      topP: optionalNumber(fields, 'top_p', 0, 1),
      topK: optionalNumber(fields, 'top_k', 0, 1_000_000, true),
      stop: decodeStops(fields['stop_sequences']),
      toolChoice: tools.length === 0 ? undefined : decodeToolChoice(fields['tool_choice']),
      parallelTools: tools.length === 0 ? undefined : decodeParallel(fields['tool_choice']),
      reasoning: decodeThinking(fields),
      format: decodeFormat(fields),
      endUser: metadata,
      serviceTier: decodeTier(fields['service_tier']),
    }),
  };
}

/** What has no neutral form, so that a target of another protocol can say what it left out. */
function decodeExtensions(fields: Fields): Readonly<Record<string, unknown>> {
  const kept = Object.entries(fields).filter(([name, value]) => !known.has(name) && value !== null);
  const inner = Object.entries(knownInside).flatMap(([outer, names]) =>
    (Array.isArray(fields[outer]) ? fields[outer] : [fields[outer]]).flatMap((value: unknown) => {
      // A server tool goes whole, or not at all.
      if (!isObject(value) || (outer === 'tools' && !isFunctionTool(value))) return [];
      return Object.entries(value)
        .filter(([name, one]) => !names.includes(name) && one !== null)
        .map(([name, one]) => [`${outer}.${name}`, one] as const);
    }),
  );
  return Object.fromEntries([...kept, ...inner]);
}

/** Automatic caching is a mark on the last block that can bear one. */
function markLast(messages: readonly Message[], cache: CacheMark | undefined): readonly Message[] {
  const last = messages.at(-1);
  const position = last?.blocks.findLastIndex((block) => markable.has(block.type)) ?? -1;
  if (cache === undefined || last === undefined || position < 0) return messages;
  const blocks = last.blocks.map((block, at) => (at === position ? { cache, ...block } : block));
  return [...messages.slice(0, -1), { ...last, blocks }];
}

function decodeTier(value: unknown): string | undefined {
  return value === 'standard_only' ? 'default' : asString(value);
}

function decodeSystem(value: unknown): readonly TextBlock[] {
  if (value === undefined || value === null) return [];
  if (typeof value === 'string') return value === '' ? [] : [{ type: 'text', text: value }];
  return requireArray(value, 'system').map((entry, position) => {
    const block = requireObject(entry, `system.${position}`);
    return {
      type: 'text',
      text: requireString(block['text'], `system.${position}.text`),
      ...decodeCache(block),
    };
  });
}

export function decodeTurns(value: unknown): readonly Message[] {
  const list = requireArray(value, 'messages');
  if (list.length === 0) throw invalid('messages', 'at least one message is required');
  return list.map((entry, position) => {
    const message = requireObject(entry, `messages.${position}`);
    const { role } = message;
    if (role !== 'user' && role !== 'assistant' && role !== 'system') {
      throw invalid(`messages.${position}.role`, "Input should be 'user' or 'assistant'");
    }
    return { role, blocks: decodeContent(message['content'], `messages.${position}.content`) };
  });
}

function decodeStops(value: unknown): readonly string[] | undefined {
  if (value === undefined || value === null) return undefined;
  const list = requireArray(value, 'stop_sequences').map((one, position) =>
    requireString(one, `stop_sequences.${position}`),
  );
  return list.length === 0 ? undefined : list;
}
