/** Calls about jobs: `batchPredictionJobs` of one project and location. */
import { request } from 'undici';
import { GatewayError } from '../../core/errors.ts';
import { asString, isObject } from '../../core/json.ts';
import type { FailedResponse, ResponseHeaders } from '../contract.ts';
import type { Authenticate } from './auth.ts';
import { unsentCodes } from './google-client.ts';
import { jobCallTimeoutMs } from './limits.ts';

export type Answered =
  | { readonly kind: 'success'; readonly body: Readonly<Record<string, unknown>> }
  | { readonly kind: 'refusal'; readonly response: FailedResponse }
  /** Nothing got through to the provider. */
  | { readonly kind: 'unsent'; readonly error: GatewayError }
  /** What came of it is not known. */
  | { readonly kind: 'lost'; readonly error: GatewayError };

export interface Jobs {
  create(job: object): Promise<Answered>;
  get(name: string): Promise<Answered>;
  list(filter: string, pageSize: number, pageToken: string | undefined): Promise<Answered>;
  cancel(name: string): Promise<Answered>;
}

export interface JobsOptions {
  /** Up to and with `/v1`. */
  readonly base: { readonly origin: string; readonly path: string };
  /** `projects/P/locations/L`. */
  readonly parent: string;
  readonly authenticate: Authenticate;
}

/** A page of a hundred jobs is some 200 kB. */
const mostAnswerBytes = 16 * 1024 * 1024;
const mostErrorCharacters = 64 * 1024;

export function createJobs({ base, parent, authenticate }: JobsOptions): Jobs {
  const collection = `${parent}/batchPredictionJobs`;

  async function call(method: 'GET' | 'POST', path: string, body?: object): Promise<Answered> {
    const headers = await authenticate();
    try {
      const response = await request(`${base.origin}${base.path}/${path}`, {
        method,
        headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        headersTimeout: jobCallTimeoutMs,
        bodyTimeout: jobCallTimeoutMs,
        // Of the whole call, connecting included.
        signal: AbortSignal.timeout(jobCallTimeoutMs),
      });
      const text = await readText(response.body);
      if (response.statusCode >= 200 && response.statusCode < 300) return readSuccess(text);
      return {
        kind: 'refusal',
        response: {
          status: response.statusCode,
          headers: flatten(response.headers),
          body: text.slice(0, mostErrorCharacters),
        },
      };
    } catch (thrown) {
      return readFailure(thrown);
    }
  }

  return {
    create: (job) => call('POST', collection, job),
    get: (name) => call('GET', name),
    list: (filter, pageSize, pageToken) =>
      call(
        'GET',
        `${collection}?${new URLSearchParams({
          filter,
          pageSize: String(pageSize),
          ...(pageToken === undefined ? {} : { pageToken }),
        })}`,
      ),
    cancel: (name) => call('POST', `${name}:cancel`, {}),
  };
}

async function readText(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > mostAnswerBytes)
      throw new GatewayError('upstream_malformed', 'The provider’s answer about a job has no end.');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function readSuccess(text: string): Answered {
  try {
    const body: unknown = JSON.parse(text);
    if (isObject(body)) return { kind: 'success', body };
  } catch {
    // Told below.
  }
  const error = new GatewayError(
    'upstream_malformed',
    'The provider’s answer about a job is no JSON object.',
  );
  return { kind: 'lost', error };
}

function readFailure(thrown: unknown): Answered {
  if (thrown instanceof GatewayError) return { kind: 'lost', error: thrown };
  const { name, code } = readNames(thrown);
  const late =
    name === 'TimeoutError' || code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT';
  const error = late
    ? new GatewayError(
        'upstream_timeout',
        `The provider said nothing of a job for ${jobCallTimeoutMs / 1000} s.`,
        {
          cause: thrown,
        },
      )
    : new GatewayError('upstream_unreachable', 'The connection to the provider failed.', { cause: thrown });
  return { kind: code !== undefined && unsentCodes.has(code) ? 'unsent' : 'lost', error };
}

function readNames(thrown: unknown): { readonly name?: string; readonly code?: string } {
  if (!(thrown instanceof Error)) return {};
  const code = 'code' in thrown ? asString(thrown.code) : undefined;
  return { name: thrown.name, ...(code === undefined ? {} : { code }) };
}

function flatten(headers: Readonly<Record<string, string | string[] | undefined>>): ResponseHeaders {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers))
    if (value !== undefined) flat[name] = Array.isArray(value) ? value.join(', ') : value;
  return flat;
}
