/**
 * The caller's socket, as the sinks that the router writes to. Node's own response object is written directly: Web
 * streams on this road cost more than the rest of the gateway together.
 */
import type { ServerResponse } from 'node:http';
import type { Clock } from '../core/clock.ts';
import type { GatewayError } from '../core/errors.ts';
import type { StreamEvent } from '../core/event.ts';
import type { AttemptRecord, Served, Sink, StreamSink, WholeSink } from '../router/contract.ts';
import type { ChatDialect, Dialect, StreamEncoder } from './dialects/contract.ts';
import {
  type Beside,
  decidedHeaders,
  type FlatHeaders,
  identityHeaders,
  servedHeaders,
  triedText,
} from './reply-headers.ts';

/** Silence that proxies between us and the caller tolerate is 60 s at least; this is well under it. */
const pingMs = 15_000;
const sseHeaders: FlatHeaders = [
  'content-type',
  'text/event-stream; charset=utf-8',
  'cache-control',
  'no-cache',
  'x-accel-buffering',
  'no',
];

/** Knows when the caller hangs up, and how to refuse. */
export class Reply implements Sink {
  protected readonly outgoing: ServerResponse;
  readonly requestId: string;
  readonly #dialect: Dialect;
  #watchers: (() => void)[] = [];
  #beside: Beside | undefined;
  closed = false;

  constructor(outgoing: ServerResponse, requestId: string, dialect: Dialect) {
    this.outgoing = outgoing;
    this.requestId = requestId;
    this.#dialect = dialect;
    outgoing.on('close', () => {
      if (outgoing.writableFinished) return;
      this.closed = true;
      const watchers = this.#watchers;
      this.#watchers = [];
      for (const watcher of watchers) watcher();
    });
  }

  onClose(callback: () => void): () => void {
    if (this.closed) callback();
    else this.#watchers.push(callback);
    return () => {
      this.#watchers = this.#watchers.filter((watcher) => watcher !== callback);
    };
  }

  /** What the headers of the answer say beside what its own attempt was. */
  tell(beside: Beside): void {
    this.#beside = beside;
  }

  protected headersOf(served: Served): FlatHeaders {
    return servedHeaders(served, this.requestId, this.#beside);
  }

  refuse(error: GatewayError, tried: readonly AttemptRecord[]): void {
    if (this.closed || this.outgoing.headersSent) return;
    const { status, body } = this.#dialect.encodeError(error, this.requestId);
    // Nothing is kept of strangers.
    const headers = (error.code === 'invalid_key' ? identityHeaders : decidedHeaders)(this.requestId);
    if (tried.length > 0)
      headers.push('x-intermodal-tried', triedText(tried), 'x-intermodal-attempts', String(tried.length));
    if (error.retryAfterMs !== undefined)
      headers.push('retry-after', String(Math.ceil(error.retryAfterMs / 1000)));
    // The rest of an oversized upload is not worth reading: closing tells the caller to stop sending.
    if (error.code === 'request_too_large' || error.code === 'request_timeout')
      headers.push('connection', 'close');
    this.sendJson(status, headers, JSON.stringify(body));
  }

  protected sendJson(status: number, headers: FlatHeaders, body: string | Uint8Array): void {
    if (this.closed) return;
    const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
    headers.push('content-type', 'application/json', 'content-length', String(length));
    this.outgoing.writeHead(status, headers);
    this.outgoing.end(body);
  }
}

export class WholeReply<A> extends Reply implements WholeSink<A> {
  readonly #encode: (answer: A) => object;

  constructor(outgoing: ServerResponse, requestId: string, dialect: Dialect, encode: (answer: A) => object) {
    super(outgoing, requestId, dialect);
    this.#encode = encode;
  }

  relay(served: Served, body: Uint8Array): void {
    this.sendJson(200, this.headersOf(served), body);
  }

  answer(served: Served, answer: A): void {
    this.sendJson(200, this.headersOf(served), JSON.stringify(this.#encode(answer)));
  }

  /** An answer of our own making, without a target. */
  estimate(answer: A): void {
    const headers = decidedHeaders(this.requestId);
    headers.push('x-intermodal-estimated', 'true');
    this.sendJson(200, headers, JSON.stringify(this.#encode(answer)));
  }
}

export class StreamReply extends Reply implements StreamSink {
  readonly #dialect: ChatDialect;
  readonly #openStream: () => StreamEncoder;
  readonly #clock: Clock;
  #encoder: StreamEncoder | undefined;
  #text = '';
  #full = false;
  /** Something was written since the last look of the ping timer. */
  #lively = false;
  #cancelPing: () => void = () => {};

  constructor(
    outgoing: ServerResponse,
    requestId: string,
    dialect: ChatDialect,
    openStream: () => StreamEncoder,
    clock: Clock,
  ) {
    super(outgoing, requestId, dialect);
    this.#dialect = dialect;
    this.#openStream = openStream;
    this.#clock = clock;
    this.onClose(() => this.#cancelPing());
  }

  commit(served: Served, encode: boolean): void {
    if (this.closed) return;
    if (encode) this.#encoder = this.#openStream();
    const headers = this.headersOf(served);
    headers.push(...sseHeaders);
    this.outgoing.writeHead(200, headers);
    this.#armPing();
  }

  bytes(chunk: Uint8Array): void {
    this.#write(chunk);
  }

  event(event: StreamEvent): void {
    this.#text += this.#encoder?.write(event) ?? '';
  }

  flush(): boolean {
    if (this.#text !== '') {
      const text = this.#text;
      this.#text = '';
      this.#write(text);
    }
    return !this.#full;
  }

  onDrain(callback: () => void): void {
    this.outgoing.once('drain', () => {
      this.#full = false;
      callback();
    });
  }

  end(): void {
    this.#cancelPing();
    if (!this.closed) this.outgoing.end();
  }

  fail(error: GatewayError): void {
    this.flush();
    this.#write(this.#dialect.encodeStreamError(error, this.requestId));
    this.end();
  }

  #write(data: string | Uint8Array): void {
    if (this.closed) return;
    this.#lively = true;
    if (!this.outgoing.write(data)) this.#full = true;
  }

  #armPing(): void {
    this.#cancelPing = this.#clock.after(pingMs, () => {
      if (!this.#lively) this.#write(this.#dialect.ping);
      this.#lively = false;
      this.#armPing();
    });
  }
}
