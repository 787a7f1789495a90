/** Neutral blocks to Chat Completions content parts. */
import type {
  ChatCompletionContentPart,
  ChatCompletionContentPartText,
} from 'openai/resources/chat/completions';
import type {
  AudioBlock,
  Block,
  DocumentBlock,
  ImageBlock,
  Source,
  TextBlock,
} from '../../../core/content.ts';
import { GatewayError } from '../../../core/errors.ts';
import type { ModelInfo } from '../../../core/model.ts';
import type { ChatTraits } from './traits.ts';

export interface EncodeState {
  readonly model: ModelInfo;
  readonly traits: ChatTraits;
  /** What was left out or adapted, for the caller. */
  readonly dropped: Set<string>;
}

/** `cache_control` is Anthropic's; servers that put Claude behind this protocol read it. */
type TextPart = ChatCompletionContentPartText & { cache_control?: { type: 'ephemeral'; ttl?: '5m' | '1h' } };
export type Part = ChatCompletionContentPart | TextPart;

/** One text is a string; several stay apart where the server takes parts, since joining them changes what its cache has seen. */
export function textContent(blocks: readonly Block[], state: EncodeState): string | TextPart[] {
  const texts = blocks.filter((block): block is TextBlock => block.type === 'text' && block.text !== '');
  return simplifyParts(
    texts.map((block) => textPart(block, state)),
    state,
  );
}

/** The shortest form that says the same: servers differ in which lists they take, and none refuses a string. */
export function simplifyParts<P extends Part>(parts: P[], { traits }: EncodeState): string | P[] {
  const first = parts[0];
  if (first === undefined) return '';
  if (parts.length === 1 && first.type === 'text' && !('cache_control' in first)) return first.text;
  if (traits.textParts || parts.some((part) => part.type !== 'text')) return parts;
  return parts.map((part) => (part.type === 'text' ? part.text : '')).join('\n\n');
}

function textPart(block: TextBlock, { traits }: EncodeState): TextPart {
  if (block.cache === undefined || !traits.cacheMarks) return { type: 'text', text: block.text };
  const { ttl } = block.cache;
  const mark = { type: 'ephemeral' as const, ...(ttl === undefined ? {} : { ttl }) };
  return { type: 'text', text: block.text, cache_control: mark };
}

/** One block of a user's message. Empty texts vanish. */
export function encodePart(block: Block, state: EncodeState): Part[] {
  switch (block.type) {
    case 'text':
      return block.text === '' ? [] : [textPart(block, state)];
    case 'refusal':
      return block.text === '' ? [] : [{ type: 'text', text: block.text }];
    case 'image':
      return [encodeImage(block)];
    case 'document':
      return encodeDocument(block, state);
    case 'audio':
      return [encodeAudio(block)];
    case 'video':
      throw cannotCarry('video');
    case 'opaque':
      state.dropped.add('messages.content');
      return [];
    case 'reasoning':
    case 'tool-call':
    case 'tool-result':
      return [];
  }
}

function encodeImage(block: ImageBlock): Part {
  if (block.source.kind === 'file-id') throw cannotCarry('a stored image');
  const url = sourceUrl(block.source, 'an image');
  const detail = block.detail === undefined || block.detail === 'original' ? {} : { detail: block.detail };
  return { type: 'image_url', image_url: { url, ...detail } };
}

const audioFormats: Readonly<Record<string, 'wav' | 'mp3'>> = {
  'audio/wav': 'wav',
  'audio/wave': 'wav',
  'audio/x-wav': 'wav',
  'audio/vnd.wave': 'wav',
  'audio/mp3': 'mp3',
  'audio/mpeg': 'mp3',
};

function encodeAudio({ source }: AudioBlock): Part {
  if (source.kind !== 'base64') throw cannotCarry('audio by reference');
  const format = audioFormats[source.mimeType.toLowerCase()];
  if (format === undefined) throw cannotCarry(`audio of type ${source.mimeType}; it takes WAV and MP3`);
  return { type: 'input_audio', input_audio: { data: source.data, format } };
}

function encodeDocument(block: DocumentBlock, state: EncodeState): Part[] {
  if (block.citations === true) state.dropped.add('citations');
  const text = documentText(block);
  const context: Part[] =
    block.context === undefined || block.context === '' ? [] : [{ type: 'text', text: block.context }];
  if (text !== undefined) return [...context, { type: 'text', text }];
  const { source } = block;
  if (!state.traits.files) throw cannotCarry('documents at this server');
  if (source.kind === 'file-id') {
    if (source.protocol !== 'openai-chat') throw cannotCarry('a document stored at another provider');
    return [...context, { type: 'file', file: { file_id: source.id } }];
  }
  if (source.kind === 'url') throw cannotCarry('a document by URL');
  const filename = block.name ?? (source.mimeType === 'application/pdf' ? 'document.pdf' : 'document');
  return [...context, { type: 'file', file: { filename, file_data: sourceUrl(source, 'a document') } }];
}

/** What a text document says, with its name in front; `undefined` for any other kind. */
export function documentText({ source, name }: DocumentBlock): string | undefined {
  if (source.kind !== 'base64' || !source.mimeType.startsWith('text/')) return undefined;
  const text = Buffer.from(source.data, 'base64').toString('utf8');
  return name === undefined ? text : `${name}\n\n${text}`;
}

function sourceUrl(source: Exclude<Source, { kind: 'file-id' }>, what: string): string {
  if (source.kind === 'base64') return `data:${source.mimeType};base64,${source.data}`;
  if (!/^https?:/i.test(source.url)) throw cannotCarry(`${what} from ${source.url.split(':', 1)[0]}:`);
  return source.url;
}

function cannotCarry(what: string): GatewayError {
  return new GatewayError('unsupported', `OpenAI Chat Completions cannot carry ${what}.`);
}
