/** What routing must know of a Messages request, from its top-level fields; the messages are parsed only when the text shows media. */
import type { ScannedBody } from '../../../core/body.ts';
import type { Capability } from '../../../core/capability.ts';
import type { Block } from '../../../core/content.ts';
import { bytesPerToken, estimateTokens } from '../../../core/estimate.ts';
import type { Facts } from '../../../core/facts.ts';
import { asString, isObject } from '../../../core/json.ts';
import { present } from '../../../core/present.ts';
import type { ChatRequest } from '../../../core/request.ts';
import { readField } from '../../../wire/json-scan.ts';
import { decodeTurns } from './decode.ts';
import { optionalBoolean, optionalNumber, requireString } from './read.ts';

/** Any kind that is not plain text, calls, results or thinking; seen in a tool's input it costs one parse and nothing else. */
const unusual = /"type"\s*:\s*"(?!(?:text|tool_use|tool_result|thinking|redacted_thinking|ephemeral)")/;
/** Whose loss would change the answer, and which no other protocol has. */
const nativeFields = ['container', 'mcp_servers', 'context_management'];
const serverTool = /"type"\s*:\s*"(?:[a-z_]+_\d{8}|mcp_toolset)"/;

/** For the estimate, which wants a whole request. */
const nothing: ChatRequest = {
  kind: 'chat',
  model: '',
  system: [],
  messages: [],
  tools: [],
  stream: false,
  streamUsage: false,
  extensions: {},
};

export function inspectMessages(body: ScannedBody): Facts {
  return inspect(body);
}

export function inspectCount(body: ScannedBody): Facts {
  return { ...inspect(body), operation: 'count-tokens', stream: false };
}

function inspect(body: ScannedBody): Facts {
  const fields: Record<string, unknown> = {};
  for (const name of ['model', 'stream', 'max_tokens', 'metadata'])
    if (body.fields.has(name)) fields[name] = readField(body, name);
  const model = requireString(fields['model'], 'model');
  const maxOutputTokens = optionalNumber(fields, 'max_tokens', 1, Number.MAX_SAFE_INTEGER, true);
  const tools = span(body, 'tools');
  const needs: Capability[] = [];
  if (tools !== '' && tools !== 'null' && !/^\[\s*\]$/.test(tools)) needs.push('tools');
  if (/"format"\s*:\s*\{/.test(span(body, 'output_config')) || span(body, 'output_format').startsWith('{'))
    needs.push('structured-output');
  let nativeOnly =
    serverTool.test(tools) || nativeFields.some((name) => !['', 'null'].includes(span(body, name)));
  const messages = span(body, 'messages');
  const rest = (tools.length + span(body, 'system').length) / bytesPerToken;
  let inputTokens = messages.length / bytesPerToken + rest;
  const media = unusual.test(messages);
  if (media) {
    const turns = decodeTurns(readField(body, 'messages'));
    inputTokens = estimateTokens({ ...nothing, messages: turns }) + rest;
    const blocks = turns.flatMap((turn) => turn.blocks);
    for (const capability of blocks.flatMap(needsOf)) if (!needs.includes(capability)) needs.push(capability);
    if (blocks.some(isNative)) nativeOnly = true;
  }
  return {
    operation: 'chat',
    model,
    stream: optionalBoolean(fields, 'stream') ?? false,
    inputTokens: Math.ceil(inputTokens),
    needs,
    nativeOnly,
    ...(maxOutputTokens === undefined ? {} : { maxOutputTokens }),
    ...(media ? { media } : {}),
    ...present({ user: userOf(fields['metadata']) }),
  };
}

function userOf(metadata: unknown): string | undefined {
  return isObject(metadata) ? asString(metadata['user_id']) : undefined;
}

function span(body: ScannedBody, name: string): string {
  const found = body.fields.get(name);
  return found === undefined ? '' : body.latin1.slice(found.start, found.end);
}

function needsOf(block: Block): readonly Capability[] {
  switch (block.type) {
    case 'image':
      return block.source.kind === 'url' ? ['vision', 'image-url'] : ['vision'];
    case 'document':
      return block.source.kind === 'url' ? ['documents', 'document-url'] : ['documents'];
    case 'tool-result':
      return block.blocks.flatMap(needsOf);
    default:
      return [];
  }
}

function isNative(block: Block): boolean {
  if (block.type === 'opaque') return true;
  if (block.type === 'tool-result') return block.blocks.some(isNative);
  return (block.type === 'image' || block.type === 'document') && block.source.kind === 'file-id';
}
