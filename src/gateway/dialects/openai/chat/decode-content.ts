/** Content parts of a Chat Completions message. Data URLs are routed by their mime type, not by the part that holds them. */
import type { Block, CacheMark, Source } from '../../../../core/content.ts';
import { asString, isObject } from '../../../../core/json.ts';
import { type Fields, invalid, kindOf, requireArray, requireObject, requireString } from '../read.ts';

/** A string, or an array of parts; `null` is nothing. */
export function decodeContent(value: unknown, param: string): Block[] {
  if (value === null || value === undefined) return [];
  if (typeof value === 'string') return value === '' ? [] : [{ type: 'text', text: value }];
  if (!Array.isArray(value))
    throw invalid(param, `expected a string or an array of parts, but got ${kindOf(value)}.`);
  return requireArray(value, param).flatMap((part, position) =>
    decodePart(requireObject(part, `${param}[${position}]`), `${param}[${position}]`),
  );
}

function decodePart(part: Fields, param: string): Block[] {
  const cache = decodeCache(part);
  switch (part['type']) {
    case 'text': {
      const text = requireString(part['text'], `${param}.text`);
      return text === '' ? [] : [{ type: 'text', text, ...cache }];
    }
    case 'refusal':
      return [{ type: 'refusal', text: requireString(part['refusal'], `${param}.refusal`) }];
    case 'image_url':
      return [decodeImage(part['image_url'], `${param}.image_url`, cache)];
    case 'input_audio': {
      const audio = requireObject(part['input_audio'], `${param}.input_audio`);
      const format = requireString(audio['format'], `${param}.input_audio.format`);
      const data = requireString(audio['data'], `${param}.input_audio.data`);
      return [
        {
          type: 'audio',
          source: { kind: 'base64', mimeType: format === 'mp3' ? 'audio/mpeg' : `audio/${format}`, data },
        },
      ];
    }
    case 'file':
      return [decodeFile(requireObject(part['file'], `${param}.file`), `${param}.file`, cache)];
    default:
      throw invalid(
        `${param}.type`,
        `"${String(part['type']).slice(0, 40)}" is not one of text, image_url, input_audio, file, refusal.`,
      );
  }
}

/** An extension that LiteLLM and OpenRouter made usual: Anthropic's marker on an OpenAI part. */
export function decodeCache(part: Fields): { cache?: CacheMark } {
  const mark = part['cache_control'];
  if (!isObject(mark)) return {};
  return { cache: mark['ttl'] === '1h' ? { ttl: '1h' } : mark['ttl'] === '5m' ? { ttl: '5m' } : {} };
}

function decodeImage(value: unknown, param: string, cache: { cache?: CacheMark }): Block {
  const image = typeof value === 'string' ? { url: value } : requireObject(value, param);
  const source = decodeUrl(requireString(image['url'], `${param}.url`), `${param}.url`);
  if (source.kind === 'base64' && !source.mimeType.startsWith('image/'))
    return { type: 'document', source, ...cache };
  const detail = asString(image['detail']);
  const known = detail === 'auto' || detail === 'low' || detail === 'high' ? { detail } : {};
  return { type: 'image', source, ...known, ...cache } as Block; // `detail` is one of three words: the compiler has lost the literal
}

function decodeFile(file: Fields, param: string, cache: { cache?: CacheMark }): Block {
  const filename = asString(file['filename']);
  const name = filename === undefined ? {} : { name: filename };
  const id = asString(file['file_id']);
  if (id !== undefined)
    return { type: 'document', source: { kind: 'file-id', protocol: 'openai-chat', id }, ...name, ...cache };
  const source = decodeUrl(requireString(file['file_data'], `${param}.file_data`), `${param}.file_data`);
  if (source.kind === 'base64' && source.mimeType.startsWith('image/'))
    return { type: 'image', source, ...cache };
  return { type: 'document', source, ...name, ...cache };
}

/** `data:mime;base64,…`, or a web address. */
function decodeUrl(url: string, param: string): Source {
  if (!url.startsWith('data:')) {
    if (!/^(?:https?|gs|s3):\/\//.test(url))
      throw invalid(param, 'expected a data: URL or an http(s) address.');
    return { kind: 'url', url };
  }
  const match = /^data:([^;,]*)(?:;[^;,]*)*?;base64,/.exec(url.slice(0, 200));
  if (match === null) throw invalid(param, 'expected a data: URL in base64.');
  return {
    kind: 'base64',
    mimeType: match[1] === undefined || match[1] === '' ? 'text/plain' : match[1],
    data: url.slice(match[0].length),
  };
}
