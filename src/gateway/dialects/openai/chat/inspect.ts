/**
 * What routing must know of a Chat Completions request, from its top-level fields. The messages are parsed only when the body's
 * text shows that something other than text is among them.
 */
import type { ScannedBody } from '../../../../core/body.ts';
import type { Capability } from '../../../../core/capability.ts';
import type { Block } from '../../../../core/content.ts';
import { bytesPerToken, estimateTokens } from '../../../../core/estimate.ts';
import type { Facts } from '../../../../core/facts.ts';
import { asString, isObject } from '../../../../core/json.ts';
import { present } from '../../../../core/present.ts';
import { parseBody, readField } from '../../../../wire/json-scan.ts';
import { type Fields, optionalBoolean, optionalNumber, requireString } from '../read.ts';
import { decodeChat, readMaxTokens, wantsUsage } from './decode.ts';

/** Words in the body that may mean media; seen in mere text they cost one parse and nothing else. */
const media = /"(?:image_url|input_audio|file)"/;
/** Fields that only OpenAI's own protocol has a meaning for, and whose loss would change the answer. */
const nativeFields = ['web_search_options', 'audio', 'prediction', 'moderation'];
const smallFields = [
  'model',
  'stream',
  'stream_options',
  'max_tokens',
  'max_completion_tokens',
  'n',
  'logprobs',
  'modalities',
  'service_tier',
  'safety_identifier',
  'user',
];

export function inspectChat(body: ScannedBody): Facts {
  const fields: Record<string, unknown> = {};
  for (const name of smallFields) if (body.fields.has(name)) fields[name] = readField(body, name);
  const model = requireString(fields['model'], 'model');
  const stream = optionalBoolean(fields, 'stream') ?? false;
  const maxOutputTokens = readMaxTokens(fields);
  const needs: Capability[] = [];
  if (holdsTools(body)) needs.push('tools');
  const choices = optionalNumber(fields, 'n', 1, 128, true) ?? 1;
  if (choices > 1) needs.push('choices');
  if (optionalBoolean(fields, 'logprobs') === true) needs.push('logprobs');
  if (span(body, 'response_format').includes('"json_schema"')) needs.push('structured-output');
  let nativeOnly =
    nativeFields.some((name) => isGiven(body, name)) ||
    wantsAudio(fields) ||
    span(body, 'tools').includes('"custom"');
  let inputTokens = Math.ceil(
    span(body, 'messages').length / bytesPerToken + span(body, 'tools').length / bytesPerToken,
  );
  const mayHoldMedia = media.test(span(body, 'messages'));
  if (mayHoldMedia) {
    const request = decodeChat(parseBody(body));
    inputTokens = estimateTokens(request);
    for (const message of request.messages) {
      for (const block of message.blocks) {
        needs.push(...needsOf(block).filter((capability) => !needs.includes(capability)));
        if (holdsStoredFile(block)) nativeOnly = true;
      }
    }
  }
  return {
    operation: 'chat',
    model,
    stream,
    streamUsage: wantsUsage(fields),
    inputTokens,
    needs,
    nativeOnly,
    ...(maxOutputTokens === undefined ? {} : { maxOutputTokens }),
    ...(choices > 1 ? { choices } : {}),
    ...(mayHoldMedia ? { media: true } : {}),
    ...(typeof fields['service_tier'] === 'string' ? { serviceTier: fields['service_tier'] } : {}),
    ...present({ user: asString(fields['safety_identifier']) ?? asString(fields['user']) }),
  };
}

function span(body: ScannedBody, name: string): string {
  const found = body.fields.get(name);
  return found === undefined ? '' : body.latin1.slice(found.start, found.end);
}

function isGiven(body: ScannedBody, name: string): boolean {
  const text = span(body, name);
  return text !== '' && text !== 'null';
}

function holdsTools(body: ScannedBody): boolean {
  return ['tools', 'functions'].some((name) => isGiven(body, name) && !/^\[\s*\]$/.test(span(body, name)));
}

function wantsAudio(fields: Fields): boolean {
  const { modalities } = fields;
  return Array.isArray(modalities) && modalities.includes('audio');
}

function needsOf(block: Block): Capability[] {
  switch (block.type) {
    case 'image':
      return block.source.kind === 'url' ? ['vision', 'image-url'] : ['vision'];
    case 'document':
      return block.source.kind === 'url' ? ['documents', 'document-url'] : ['documents'];
    case 'audio':
      return ['audio'];
    case 'tool-result':
      return block.blocks.flatMap(needsOf);
    default:
      return [];
  }
}

function holdsStoredFile(block: Block): boolean {
  if (block.type === 'tool-result') return block.blocks.some(holdsStoredFile);
  return 'source' in block && isObject(block.source) && block.source.kind === 'file-id';
}
