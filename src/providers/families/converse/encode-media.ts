/** Images, documents, audio and video as Converse blocks: inline, or in S3. Nothing is fetched by URL. */
import type { AudioFormat, DocumentFormat, ImageFormat, VideoFormat } from '@aws-sdk/client-bedrock-runtime';
import type {
  AudioBlock,
  Block,
  DocumentBlock,
  ImageBlock,
  Source,
  VideoBlock,
} from '../../../core/content.ts';
import { GatewayError } from '../../../core/errors.ts';

export type MediaBlock = Extract<Block, { readonly source: Source }>;

/** Hands out document names: a name that came before gets a number, since Converse refuses a second one. */
export interface DocumentNames {
  take(name: string | undefined): string;
}

export function encodeImage(block: ImageBlock) {
  return { image: { format: imageFormat(block.source), source: bytesOrS3(block.source) } };
}

export function encodeVideo(block: VideoBlock) {
  return { video: { format: videoFormat(block.source), source: bytesOrS3(block.source) } };
}

export function encodeAudio(block: AudioBlock) {
  return { audio: { format: audioFormat(block.source), source: bytesOrS3(block.source) } };
}

export function encodeDocument(block: DocumentBlock, names: DocumentNames) {
  return {
    document: {
      format: documentFormat(block.source, block.name),
      name: names.take(block.name),
      source: bytesOrS3(block.source),
      ...(block.context === undefined ? {} : { context: block.context }),
      ...(block.citations === undefined ? {} : { citations: { enabled: block.citations } }),
    },
  };
}

function bytesOrS3(source: Source): { bytes: string } | { s3Location: { uri: string } } {
  if (source.kind === 'base64') return { bytes: source.data };
  if (source.kind === 'url' && source.url.startsWith('s3://')) return { s3Location: { uri: source.url } };
  throw new GatewayError(
    'unsupported',
    source.kind === 'url'
      ? 'Bedrock Converse takes media inline or from S3, not by URL; send it as base64.'
      : 'A file stored at one provider cannot be read by another; send it inline.',
  );
}

/** The first bytes say what an image is; a format that lies is a 400. */
function imageFormat(source: Source): ImageFormat {
  const head = source.kind === 'base64' ? source.data.slice(0, 16) : '';
  if (head.startsWith('iVBORw0KGgo')) return 'png';
  if (head.startsWith('/9j/')) return 'jpeg';
  if (head.startsWith('R0lGOD')) return 'gif';
  if (head.startsWith('UklGR')) return 'webp';
  const declared = endingOf(source);
  if (declared === 'png' || declared === 'gif' || declared === 'webp') return declared;
  return 'jpeg';
}

const videoFormats: Readonly<Record<string, VideoFormat>> = {
  'x-matroska': 'mkv',
  mkv: 'mkv',
  quicktime: 'mov',
  mov: 'mov',
  mp4: 'mp4',
  webm: 'webm',
  'x-flv': 'flv',
  flv: 'flv',
  mpeg: 'mpeg',
  mpg: 'mpg',
  'x-ms-wmv': 'wmv',
  wmv: 'wmv',
  '3gpp': 'three_gp',
  '3gp': 'three_gp',
};

function videoFormat(source: Source): VideoFormat {
  return videoFormats[endingOf(source)] ?? 'mp4';
}

const audioFormats: Readonly<Record<string, AudioFormat>> = {
  mpeg: 'mp3',
  mp3: 'mp3',
  wav: 'wav',
  wave: 'wav',
  'x-wav': 'wav',
  aac: 'aac',
  flac: 'flac',
  ogg: 'ogg',
  opus: 'opus',
  webm: 'webm',
  mp4: 'mp4',
  m4a: 'm4a',
  'x-m4a': 'm4a',
};

function audioFormat(source: Source): AudioFormat {
  const ending = endingOf(source);
  const format = audioFormats[ending];
  if (format === undefined)
    throw new GatewayError(
      'unsupported',
      `Bedrock Converse does not take ${ending || 'this kind of'} audio.`,
    );
  return format;
}

const documentFormats: Readonly<Record<string, DocumentFormat>> = {
  'application/pdf': 'pdf',
  'text/plain': 'txt',
  'text/markdown': 'md',
  'text/csv': 'csv',
  'text/html': 'html',
  'application/msword': 'doc',
  'application/vnd.openxmlformats-officedocument.wordprocessingml.document': 'docx',
  'application/vnd.ms-excel': 'xls',
  'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet': 'xlsx',
  pdf: 'pdf',
  txt: 'txt',
  md: 'md',
  csv: 'csv',
  html: 'html',
  doc: 'doc',
  docx: 'docx',
  xls: 'xls',
  xlsx: 'xlsx',
};

function documentFormat(source: Source, name: string | undefined): DocumentFormat {
  const mime = (source.mimeType ?? '').toLowerCase().split(';')[0] ?? '';
  const known = documentFormats[mime];
  if (known !== undefined) return known;
  if (mime.startsWith('text/') || mime === 'application/json') return 'txt';
  return documentFormats[lastEnding(name ?? (source.kind === 'url' ? source.url : ''))] ?? 'pdf';
}

/** `image/png` is `png`; an S3 object without a type tells by its name. */
function endingOf(source: Source): string {
  const mime = (source.mimeType ?? '').toLowerCase().split(';')[0] ?? '';
  if (mime !== '') return mime.slice(mime.indexOf('/') + 1);
  return source.kind === 'url' ? lastEnding(source.url) : '';
}

function lastEnding(name: string): string {
  return /\.([a-z0-9]+)$/i.exec(name)?.[1]?.toLowerCase() ?? '';
}

const longestName = 200;

/** Letters, digits, single spaces, hyphens, round and square brackets. The model reads it, so it stays what the caller wrote if it can. */
export function createDocumentNames(): DocumentNames {
  const taken = new Set<string>();
  return {
    take(name) {
      const clean = (name ?? '')
        .replace(/[^A-Za-z0-9()[\]-]+/g, ' ')
        .trim()
        .slice(0, longestName - 6)
        .trim();
      const base = clean === '' ? 'document' : clean;
      let free = base;
      // Each round meets a name that is taken, so there are no more rounds than documents.
      for (let number = 2; taken.has(free); number++) free = `${base} ${number}`;
      taken.add(free);
      return free;
    },
  };
}
