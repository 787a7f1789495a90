/** A running gateway, as the batch commands speak to it: by its public endpoints, like every OpenAI client. */
import { Readable } from 'node:stream';
import type { Command } from 'commander';
import { type Dispatcher, request } from 'undici';
import { asArray, asObject, asString } from '../../core/json.ts';
import { ConfigError } from '../config-error.ts';
import { type BatchView, readBatch } from './view.ts';

export interface GatewayOptions {
  readonly url: string;
  readonly key?: string;
}

export function addGatewayOptions(command: Command): Command {
  return command
    .option(
      '--url <url>',
      'where the gateway is; else INTERMODAL_URL',
      process.env['INTERMODAL_URL'] || 'http://127.0.0.1:4000',
    )
    .option('--key <key>', 'a key of it; else INTERMODAL_KEY')
    .option('--json', 'print JSON');
}

export interface Gateway {
  /** The id of the file. `lines` are streamed, whatever their size. */
  upload(filename: string, lines: AsyncIterable<string | Uint8Array>): Promise<string>;
  create(
    wanted: { readonly fileId: string; readonly endpoint: string; readonly window: string },
    headers: Readonly<Record<string, string>>,
  ): Promise<BatchView>;
  batch(id: string): Promise<BatchView>;
  list(
    limit: number,
    after: string | undefined,
  ): Promise<{ batches: readonly BatchView[]; hasMore: boolean }>;
  cancel(id: string): Promise<BatchView>;
  retryDead(id: string): Promise<Readonly<Record<string, unknown>>>;
  /** Those after a line. */
  deadLetters(
    id: string,
    after: number,
    limit: number,
  ): Promise<{ letters: readonly Readonly<Record<string, unknown>>[]; hasMore: boolean }>;
  content(fileId: string): Promise<Readable>;
}

/** It could not be reached, or not be heard; asking again may help. */
export class UnreachableError extends ConfigError {}

/** Longer error bodies are not ours. */
const mostErrorBytes = 65_536;

export function createGateway({ url, key = process.env['INTERMODAL_KEY'] }: GatewayOptions): Gateway {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw new ConfigError(`"${url}" is not the URL of a gateway. Write it as http://127.0.0.1:4000.`);
  const base = url.replace(/\/+$/, '').replace(/\/v1$/, '');

  async function call(
    method: 'GET' | 'POST',
    path: string,
    body?: string | Readable,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Dispatcher.ResponseData> {
    const authorization = key === undefined || key === '' ? {} : { authorization: `Bearer ${key}` };
    let answer: Dispatcher.ResponseData;
    try {
      answer = await request(`${base}/v1/${path}`, {
        method,
        headers: { ...authorization, ...headers },
        ...(body === undefined ? {} : { body }),
      });
    } catch (thrown) {
      // What reading our own file threw is no fault of the network.
      if (thrown instanceof ConfigError) throw thrown;
      const reason = thrown instanceof Error && 'code' in thrown ? ` (${String(thrown.code)})` : '';
      throw new UnreachableError(
        `No gateway answers at ${base}${reason}. Start one with "intermodal serve", or name it with --url.`,
      );
    }
    if (answer.statusCode >= 200 && answer.statusCode < 300) return answer;
    throw refusal(answer.statusCode, await readSome(answer.body));
  }

  async function json(answer: Dispatcher.ResponseData): Promise<Readonly<Record<string, unknown>>> {
    try {
      return asObject(await answer.body.json());
    } catch {
      throw new UnreachableError(
        `What answers at ${base} is no gateway: its answer is not JSON. Mend --url.`,
      );
    }
  }

  const batchAt = (id: string): string => `batches/${encodeURIComponent(id)}`;
  const asJson = { 'content-type': 'application/json' };

  return {
    async upload(filename, lines) {
      const boundary = `intermodal-${crypto.randomUUID()}`;
      const answer = await call('POST', 'files', Readable.from(multipart(boundary, filename, lines)), {
        'content-type': `multipart/form-data; boundary=${boundary}`,
      });
      const id = asString((await json(answer))['id']);
      if (id === undefined)
        throw new UnreachableError(`What answers at ${base} is no gateway: its file has no id.`);
      return id;
    },
    async create({ fileId, endpoint, window }, headers) {
      const body = JSON.stringify({ input_file_id: fileId, endpoint, completion_window: window });
      return readBatch(await json(await call('POST', 'batches', body, { ...asJson, ...headers })));
    },
    batch: async (id) => readBatch(await json(await call('GET', batchAt(id)))),
    async list(limit, after) {
      const query = `limit=${limit}${after === undefined ? '' : `&after=${encodeURIComponent(after)}`}`;
      const { data, has_more } = await json(await call('GET', `batches?${query}`));
      const batches = Array.isArray(data) ? data.map((one) => readBatch(asObject(one))) : [];
      return { batches, hasMore: has_more === true };
    },
    cancel: async (id) => readBatch(await json(await call('POST', `${batchAt(id)}/cancel`))),
    retryDead: async (id) => json(await call('POST', `${batchAt(id)}/retry-dead`)),
    async deadLetters(id, after, limit) {
      const path = `${batchAt(id)}/dead-letters?after=${after}&limit=${limit}`;
      const { data, has_more } = await json(await call('GET', path));
      return { letters: asArray(data).map(asObject), hasMore: has_more === true };
    },
    content: async (fileId) => (await call('GET', `files/${encodeURIComponent(fileId)}/content`)).body,
  };
}

async function* multipart(
  boundary: string,
  filename: string,
  lines: AsyncIterable<string | Uint8Array>,
): AsyncIterable<string | Uint8Array> {
  // A name with a quote or a line end would end the header that it stands in.
  const safe = filename.replace(/["\r\n\\]/g, '_');
  yield `--${boundary}\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nbatch\r\n`;
  yield `--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="${safe}"\r\n`;
  yield 'content-type: application/jsonl\r\n\r\n';
  yield* lines;
  yield `\r\n--${boundary}--\r\n`;
}

async function readSome(body: Readable): Promise<string> {
  let text = '';
  for await (const chunk of body) {
    text += String(chunk);
    if (text.length > mostErrorBytes) break;
  }
  return text;
}

/** The gateway's own words, and what may help. */
function refusal(status: number, text: string): ConfigError {
  let message: string | undefined;
  try {
    const body = asObject(JSON.parse(text));
    message = asString(asObject(body['error'])['message']);
  } catch {
    // Not JSON: the status is all there is to tell.
  }
  const said = message ?? `The gateway answered with status ${status}.`;
  if (status === 401)
    return new ConfigError(
      `${said} Give a key with --key or INTERMODAL_KEY; make one with "intermodal keys create --name NAME".`,
    );
  if (status === 404) return new ConfigError(`${said} See which batches there are: intermodal batch list`);
  return status >= 500 ? new UnreachableError(said) : new ConfigError(said);
}
