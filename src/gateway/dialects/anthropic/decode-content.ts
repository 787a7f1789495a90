/** Content blocks of an Anthropic message. Kinds that only this protocol has stay whole, as opaque blocks. */
import type {
  Block,
  CacheMark,
  Carry,
  DocumentBlock,
  OpaqueBlock,
  Source,
  ToolCallBlock,
} from '../../../core/content.ts';
import { asString, isObject } from '../../../core/json.ts';
import { type Fields, invalid, requireArray, requireObject, requireString } from './read.ts';
import { type ReadSignature, readSignature } from './signature.ts';

export function decodeContent(value: unknown, param: string): Block[] {
  if (typeof value === 'string') return value === '' ? [] : [{ type: 'text', text: value }];
  const blocks: Block[] = [];
  let waiting: Carry | undefined;
  requireArray(value, param).forEach((entry, position) => {
    const path = `${param}.${position}`;
    const fields = requireObject(entry, path);
    const { place, carry } = signatureOf(fields);
    if (place === 'next') waiting = carry;
    else if (place === 'prev') attach(blocks, blocks.length - 1, carry);
    else if (place === 'text')
      blocks.push({ type: 'text', text: '', ...(carry === undefined ? {} : { carry }) });
    else {
      blocks.push(decodeBlock(fields, path));
      attach(blocks, blocks.length - 1, waiting);
      waiting = undefined;
    }
  });
  return blocks;
}

function signatureOf(block: Fields): ReadSignature {
  return readSignature(block['type'] === 'thinking' ? (asString(block['signature']) ?? '') : '');
}

/** Gives a block back what rode on a thought beside it. */
function attach(blocks: Block[], position: number, carry: Carry | undefined): void {
  const block = blocks[position];
  if (carry !== undefined && (block?.type === 'tool-call' || block?.type === 'text'))
    blocks[position] = { ...block, carry };
}

function decodeBlock(block: Fields, param: string): Block {
  const cache = decodeCache(block);
  switch (block['type']) {
    case 'text': {
      const { citations } = block;
      return {
        type: 'text',
        text: requireString(block['text'], `${param}.text`),
        ...(Array.isArray(citations) && citations.length > 0 ? { citations } : {}),
        ...cache,
      };
    }
    case 'image': {
      const source = decodeSource(block['source'], `${param}.source`);
      return source === undefined ? opaque(block) : { type: 'image', source, ...cache };
    }
    case 'document':
      return decodeDocument(block, param, cache);
    case 'thinking': {
      const { carry } = signatureOf(block);
      return {
        type: 'reasoning',
        text: requireString(block['thinking'], `${param}.thinking`),
        ...(carry === undefined ? {} : { carry }),
      };
    }
    case 'redacted_thinking': {
      const { carry } = readSignature(requireString(block['data'], `${param}.data`));
      return { type: 'reasoning', text: '', redacted: true, ...(carry === undefined ? {} : { carry }) };
    }
    case 'tool_use':
      return decodeCall(block, param, cache);
    case 'tool_result': {
      const { content } = block;
      return {
        type: 'tool-result',
        id: requireString(block['tool_use_id'], `${param}.tool_use_id`),
        blocks: content === undefined || content === null ? [] : decodeContent(content, `${param}.content`),
        ...(block['is_error'] === true ? { isError: true } : {}),
        ...cache,
      };
    }
    default:
      if (asString(block['type']) === undefined) throw invalid(`${param}.type`, 'Field required');
      return opaque(block);
  }
}

function opaque(block: Fields): OpaqueBlock {
  return { type: 'opaque', protocol: 'anthropic-messages', raw: block };
}

function decodeCall(block: Fields, param: string, cache: { cache?: CacheMark }): ToolCallBlock {
  const { input } = block;
  if (input !== undefined && !isObject(input)) throw invalid(`${param}.input`, 'Input should be an object');
  const empty = input === undefined || Object.keys(input).length === 0;
  return {
    type: 'tool-call',
    kind: 'function',
    id: requireString(block['id'], `${param}.id`),
    name: requireString(block['name'], `${param}.name`),
    arguments: empty ? '{}' : JSON.stringify(input),
    ...cache,
  };
}

function decodeDocument(
  block: Fields,
  param: string,
  cache: { cache?: CacheMark },
): DocumentBlock | OpaqueBlock {
  const fields = requireObject(block['source'], `${param}.source`);
  const title = asString(block['title']);
  const context = asString(block['context']);
  const citations = isObject(block['citations']) ? block['citations']['enabled'] : undefined;
  const rest = {
    ...(title === undefined ? {} : { name: title }),
    ...(context === undefined ? {} : { context }),
    ...(typeof citations === 'boolean' ? { citations } : {}),
    ...cache,
  };
  if (fields['type'] === 'text') {
    const data = Buffer.from(requireString(fields['data'], `${param}.source.data`)).toString('base64');
    return { type: 'document', source: { kind: 'base64', mimeType: 'text/plain', data }, ...rest };
  }
  const source = decodeSource(fields, `${param}.source`);
  return source === undefined ? opaque(block) : { type: 'document', source, ...rest };
}

/** `undefined` for kinds that have no neutral form (a document of content blocks, and what is yet to come). */
function decodeSource(value: unknown, param: string): Source | undefined {
  const source = requireObject(value, param);
  switch (source['type']) {
    case 'base64':
      return {
        kind: 'base64',
        mimeType: requireString(source['media_type'], `${param}.media_type`),
        data: requireString(source['data'], `${param}.data`),
      };
    case 'url':
      return { kind: 'url', url: requireString(source['url'], `${param}.url`) };
    case 'file':
      return {
        kind: 'file-id',
        protocol: 'anthropic-messages',
        id: requireString(source['file_id'], `${param}.file_id`),
      };
    default:
      requireString(source['type'], `${param}.type`);
      return undefined;
  }
}

export function decodeCache(block: Fields): { cache?: CacheMark } {
  const mark = block['cache_control'];
  if (!isObject(mark)) return {};
  return { cache: mark['ttl'] === '1h' ? { ttl: '1h' } : mark['ttl'] === '5m' ? { ttl: '5m' } : {} };
}
