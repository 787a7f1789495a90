/** Images, documents, audio and video as parts: inline bytes, or a URI that Google itself fetches. */
import type { FunctionResponsePart } from '@google/genai';
import type { Block, Source } from '../../../core/content.ts';
import { GatewayError } from '../../../core/errors.ts';
import type { RestPart } from './rest-shape.ts';
import type { GeminiTraits } from './traits.ts';

export type MediaBlock = Extract<Block, { readonly source: Source }>;

interface MediaState {
  readonly traits: GeminiTraits;
  readonly dropped: Set<string>;
}

export function mediaPart(block: MediaBlock, state: MediaState): RestPart {
  return { ...sourcePart(block), ...resolution(block, state) };
}

/** The same inside a functionResponse, which newer models take. */
export function resultMediaPart(block: MediaBlock, state: MediaState): FunctionResponsePart {
  if (block.type === 'image') resolution(block, state);
  return sourcePart(block);
}

function sourcePart(
  block: MediaBlock,
): { inlineData: { mimeType: string; data: string } } | { fileData: { fileUri: string; mimeType: string } } {
  const { source } = block;
  switch (source.kind) {
    case 'base64':
      return { inlineData: { mimeType: inlineType(block, source), data: source.data } };
    case 'url':
      return {
        fileData: { fileUri: source.url, mimeType: source.mimeType ?? typeOfUrl(block, source.url) },
      };
    case 'file-id':
      throw new GatewayError(
        'unsupported',
        'A file stored at one provider cannot be read by another; send it inline.',
      );
  }
}

/** The first bytes say what an image is; declared types are often wrong, and `image/jpg` is none. */
function inlineType(block: MediaBlock, source: Extract<Source, { kind: 'base64' }>): string {
  if (block.type === 'image') {
    const head = source.data.slice(0, 16);
    if (head.startsWith('iVBORw0KGgo')) return 'image/png';
    if (head.startsWith('/9j/')) return 'image/jpeg';
    if (head.startsWith('R0lGOD')) return 'image/gif';
    if (/^UklGR.{6}XRUJQ/.test(head)) return 'image/webp';
  }
  const declared = source.mimeType.toLowerCase();
  if (declared === 'image/jpg') return 'image/jpeg';
  if (declared === 'audio/mpeg3' || declared === 'audio/x-mp3') return 'audio/mp3';
  return declared;
}

const typesByEnding: Readonly<Record<string, string>> = {
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  gif: 'image/gif',
  webp: 'image/webp',
  heic: 'image/heic',
  pdf: 'application/pdf',
  txt: 'text/plain',
  md: 'text/plain',
  csv: 'text/csv',
  html: 'text/html',
  mp3: 'audio/mp3',
  wav: 'audio/wav',
  ogg: 'audio/ogg',
  flac: 'audio/flac',
  mp4: 'video/mp4',
  mov: 'video/mov',
  webm: 'video/webm',
};

const usualTypes = {
  image: 'image/jpeg',
  document: 'application/pdf',
  audio: 'audio/mp3',
  video: 'video/mp4',
} as const;

/** A URI must come with its type. Its ending tells, else the usual one of its kind. */
function typeOfUrl(block: MediaBlock, url: string): string {
  const path = url.replace(/[?#].*$/s, '');
  const ending = /\.(\w{2,4})$/.exec(path)?.[1]?.toLowerCase() ?? '';
  return typesByEnding[ending] ?? usualTypes[block.type];
}

function resolution(block: MediaBlock, state: MediaState): Pick<RestPart, 'mediaResolution'> {
  if (block.type !== 'image' || block.detail === undefined || block.detail === 'auto') return {};
  if (!state.traits.partMedia) {
    state.dropped.add('detail');
    return {};
  }
  return {
    mediaResolution: {
      level: block.detail === 'low' ? 'MEDIA_RESOLUTION_LOW' : 'MEDIA_RESOLUTION_HIGH',
    },
  };
}
