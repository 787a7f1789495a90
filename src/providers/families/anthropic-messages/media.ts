/** Images and documents as Anthropic takes them. */
import type { DocumentBlockParam, ImageBlockParam } from '@anthropic-ai/sdk/resources/messages';
import type { CacheMark, DocumentBlock, Source } from '../../../core/content.ts';
import { GatewayError } from '../../../core/errors.ts';
import type { ModelInfo } from '../../../core/model.ts';
import { cacheControl } from './cache-marks.ts';
import type { AnthropicVariant } from './variant.ts';

export interface MediaRules {
  readonly model: ModelInfo;
  readonly variant: AnthropicVariant;
}

type ImageType = 'image/png' | 'image/jpeg' | 'image/gif' | 'image/webp';
const imageTypes: readonly ImageType[] = ['image/png', 'image/jpeg', 'image/gif', 'image/webp'];

export function encodeImage(
  source: Source,
  cache: CacheMark | undefined,
  rules: MediaRules,
): ImageBlockParam | DocumentBlockParam {
  const control = cacheControl(cache);
  switch (source.kind) {
    case 'base64':
      // A PDF in an image part (some clients have no other): the bytes say what it is, not the part.
      if (isPdf(source)) return encodeDocument({ type: 'document', source, ...mark(cache) }, rules);
      return {
        type: 'image',
        source: { type: 'base64', media_type: imageType(source), data: source.data },
        ...control,
      };
    case 'url':
      requireUrlMedia(rules);
      return { type: 'image', source: { type: 'url', url: source.url }, ...control };
    case 'file-id':
      return { type: 'image', source: storedFile(source, rules), ...control };
  }
}

export function encodeDocument(block: DocumentBlock, rules: MediaRules): DocumentBlockParam {
  const rest = {
    ...(block.name === undefined ? {} : { title: block.name }),
    ...(block.context === undefined ? {} : { context: block.context }),
    ...(block.citations === undefined ? {} : { citations: { enabled: block.citations } }),
    ...cacheControl(block.cache),
  };
  const { source } = block;
  switch (source.kind) {
    case 'file-id':
      return { type: 'document', source: storedFile(source, rules), ...rest };
    case 'url':
      requireUrlMedia(rules);
      return { type: 'document', source: { type: 'url', url: source.url }, ...rest };
    case 'base64':
      if (isPdf(source))
        return {
          type: 'document',
          source: { type: 'base64', media_type: 'application/pdf', data: source.data },
          ...rest,
        };
      return {
        type: 'document',
        source: { type: 'text', media_type: 'text/plain', data: readText(source) },
        ...rest,
      };
  }
}

/** The first bytes say what an image is; a wrong `media_type` is a 400. */
function imageType(source: Extract<Source, { kind: 'base64' }>): ImageType {
  const head = source.data.slice(0, 16);
  if (head.startsWith('iVBORw0KGgo')) return 'image/png';
  if (head.startsWith('/9j/')) return 'image/jpeg';
  if (head.startsWith('R0lGOD')) return 'image/gif';
  if (head.startsWith('UklGR')) return 'image/webp';
  const declared = source.mimeType.toLowerCase().replace('image/jpg', 'image/jpeg');
  const known = imageTypes.find((type) => type === declared);
  if (known === undefined)
    throw new GatewayError(
      'unsupported',
      `Claude takes png, jpeg, gif and webp images, but got ${JSON.stringify(source.mimeType)}.`,
    );
  return known;
}

function isPdf(source: Extract<Source, { kind: 'base64' }>): boolean {
  // "%PDF" in base64.
  return source.mimeType.toLowerCase().startsWith('application/pdf') || source.data.startsWith('JVBERi');
}

/** Text in any of its formats (Markdown, CSV, JSON) goes as plain text; anything else has no place here. */
function readText(source: Extract<Source, { kind: 'base64' }>): string {
  const type = source.mimeType.toLowerCase().split(';')[0] ?? '';
  if (type.startsWith('text/') || /^application\/(?:json|xml|yaml|x-yaml|javascript)$/.test(type))
    return Buffer.from(source.data, 'base64').toString('utf8');
  throw new GatewayError(
    'unsupported',
    `Claude takes PDF and text documents, but got ${JSON.stringify(source.mimeType)}.`,
  );
}

function mark(cache: CacheMark | undefined): { cache?: CacheMark } {
  return cache === undefined ? {} : { cache };
}

function requireUrlMedia({ variant, model }: MediaRules): void {
  if (!variant.urlMedia)
    throw new GatewayError('unsupported', `${model.id} takes images and documents inline only, not by URL.`);
}

/** Anthropic's own API reads the files that it stores; its other transports have no such store. */
function storedFile(
  source: Extract<Source, { kind: 'file-id' }>,
  { variant, model }: MediaRules,
): { type: 'file'; file_id: string } {
  if (source.protocol === 'anthropic-messages' && variant.bodyVersion === undefined)
    return { type: 'file', file_id: source.id };
  throw new GatewayError(
    'unsupported',
    `${model.id} cannot read a file that is stored elsewhere; send it inline.`,
  );
}
