/**
 * The HTTP client: undici's `Pool.dispatch` with a bare handler, one pool an origin.
 *
 * The cheapest client there is for Node: no streams, no promises, no Request or Response objects; `fetch` costs five
 * times as much and the SDKs ten. Origins come from the config alone, so the number of pools is bounded by it.
 */
import { type Dispatcher, Pool } from 'undici';
import { GatewayError } from '../core/errors.ts';
import type { ResponseHeaders, WireRequest } from '../providers/contract.ts';
import type { Receiver, Sending, Upstream } from '../router/contract.ts';

/** Idle sockets are kept this long; providers close theirs after 60 s or more. */
const keepAliveMs = 30_000;
/** A bound, not a tuning knob: past it requests wait for a socket inside their own time budget. */
const maxSocketsPerOrigin = 4096;

export function createUpstream(): Upstream {
  const pools = new Map<string, Pool>();

  function poolFor(origin: string, connectMs: number): Pool {
    const key = `${origin} ${connectMs}`;
    let pool = pools.get(key);
    if (pool === undefined) {
      pool = new Pool(origin, {
        connections: maxSocketsPerOrigin,
        pipelining: 1,
        keepAliveTimeout: keepAliveMs,
        connect: { timeout: connectMs },
        allowH2: false,
      });
      pools.set(key, pool);
    }
    return pool;
  }

  return {
    send(request, timeouts, receiver) {
      const handler = new Handler(request, timeouts, receiver);
      poolFor(request.origin, timeouts.connectMs).dispatch(
        {
          path: request.path,
          method: request.method,
          headers: request.headers,
          body: request.method === 'GET' ? null : request.body,
          headersTimeout: timeouts.headMs,
          bodyTimeout: timeouts.idleMs,
        },
        handler,
      );
      return handler;
    },
    async close() {
      await Promise.all([...pools.values()].map((pool) => pool.destroy()));
      pools.clear();
    },
  };
}

class Handler implements Dispatcher.DispatchHandler, Sending {
  readonly #request: WireRequest;
  readonly #timeouts: { readonly headMs: number; readonly idleMs: number };
  readonly #receiver: Receiver;
  #controller: Dispatcher.DispatchController | undefined;
  #aborted = false;
  #paused = false;
  #head = false;

  constructor(
    request: WireRequest,
    timeouts: { readonly headMs: number; readonly idleMs: number },
    receiver: Receiver,
  ) {
    this.#request = request;
    this.#timeouts = timeouts;
    this.#receiver = receiver;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#aborted) controller.abort(aborted);
    else if (this.#paused) controller.pause();
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    if (this.#aborted || status < 200) return;
    this.#head = true;
    this.#receiver.onHead(status, flatten(headers));
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#aborted) this.#receiver.onData(chunk);
  }

  onResponseEnd(): void {
    if (!this.#aborted) this.#receiver.onEnd();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (!this.#aborted) this.#receiver.onError(this.#read(error));
  }

  abort(): void {
    this.#aborted = true;
    this.#controller?.abort(aborted);
  }

  pause(): void {
    this.#paused = true;
    this.#controller?.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#controller?.resume();
  }

  #read(error: Error & { code?: string }): GatewayError {
    const host = new URL(this.#request.origin).host;
    const cause = { cause: error };
    switch (error.code) {
      case 'UND_ERR_CONNECT_TIMEOUT':
        return new GatewayError('upstream_timeout', `Connecting to ${host} took too long.`, cause);
      case 'UND_ERR_HEADERS_TIMEOUT':
        return new GatewayError(
          'upstream_timeout',
          `${host} did not begin to answer within ${this.#timeouts.headMs} ms.`,
          cause,
        );
      case 'UND_ERR_BODY_TIMEOUT':
        return new GatewayError(
          'upstream_timeout',
          `${host} fell silent for ${this.#timeouts.idleMs} ms inside its answer.`,
          cause,
        );
      case 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH':
        return new GatewayError('upstream_truncated', `${host} sent less than it announced.`, cause);
    }
    if (error.name === 'HTTPParserError' || error.code?.startsWith('HPE_') === true) {
      return new GatewayError('upstream_malformed', `${host} does not answer in HTTP.`, cause);
    }
    return this.#head
      ? new GatewayError('upstream_truncated', `The connection to ${host} broke inside its answer.`, cause)
      : new GatewayError(
          'upstream_unreachable',
          `The connection to ${host} failed (${error.code ?? error.name}).`,
          cause,
        );
  }
}

const aborted = new Error('The gateway closed this exchange.');

function isFlat(headers: Record<string, string | string[] | undefined>): headers is Record<string, string> {
  for (const name in headers) if (typeof headers[name] !== 'string') return false;
  return true;
}

/** undici gives repeated headers as lists; everybody behind this reads single strings. Nearly always there is no list, and nothing to do. */
function flatten(headers: Record<string, string | string[] | undefined>): ResponseHeaders {
  if (isFlat(headers)) return headers;
  const flat: Record<string, string> = {};
  for (const name in headers) {
    const value = headers[name];
    if (value !== undefined) flat[name] = typeof value === 'string' ? value : value.join(', ');
  }
  return flat;
}
