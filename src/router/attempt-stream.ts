/**
 * One streamed attempt. Holds everything back until the first content, so that an error, a stall or a cut before it costs the caller
 * nothing; from then on passes on what comes, and ends a broken stream with the dialect's own error event.
 */
import { asGatewayError, GatewayError } from '../core/errors.ts';
import { isContent, type StreamEvent } from '../core/event.ts';
import type { StreamReader, StreamRelay } from '../core/stream.ts';
import { mergeUsage, type Usage } from '../core/usage.ts';
import type { ChatEndpoint, ResponseHeaders } from '../providers/contract.ts';
import type { AttemptInput, Outcome } from './attempt.ts';
import { createBody, readJson } from './body.ts';
import type { Prepared, Sending, StreamSink } from './contract.ts';
import { type ExchangeWorld, startExchange } from './exchange.ts';

/** A stream that has sent this much and no content is not answering. */
const maxHeldBytes = 4 * 1024 * 1024;

export function attemptStream(
  world: ExchangeWorld,
  input: AttemptInput,
  endpoint: ChatEndpoint,
  sink: StreamSink,
): Promise<Outcome> {
  const prepared = input.call.prepare(endpoint, input.strict);
  return new Promise((resolve) => {
    new StreamAttempt(world, input, endpoint, sink, prepared, resolve).start();
  });
}

class StreamAttempt {
  readonly #world: ExchangeWorld;
  readonly #input: AttemptInput;
  readonly #endpoint: ChatEndpoint;
  readonly #sink: StreamSink;
  readonly #prepared: Prepared;
  readonly #resolve: (outcome: Outcome) => void;
  readonly #emit = (event: StreamEvent): void => this.#onEvent(event);
  #relay: StreamRelay | undefined;
  #reader: StreamReader | undefined;
  /** The upstream answered a streaming request with a whole JSON body: collected, then told as events. */
  #whole: ReturnType<typeof createBody> | undefined;
  /** What came, where somebody keeps it; absent once it is too much. */
  #kept: Buffer[] | undefined;
  #keptBytes = 0;
  #headers: ResponseHeaders = {};
  #heldEvents: StreamEvent[] = [];
  #heldChunks: Uint8Array[] = [];
  #heldBytes = 0;
  /** Text that came as events. */
  #chars = 0;
  #content = false;
  #committed = false;
  #over = false;
  #ended = false;
  #failure: GatewayError | undefined;
  #usage: Usage | undefined;
  #startedMs = 0;
  #firstMs = 0;
  #sending: Sending | undefined;
  #cancelFirstToken: () => void = () => {};
  #forgetClose: () => void = () => {};

  constructor(
    world: ExchangeWorld,
    input: AttemptInput,
    endpoint: ChatEndpoint,
    sink: StreamSink,
    prepared: Prepared,
    resolve: (outcome: Outcome) => void,
  ) {
    this.#world = world;
    this.#input = input;
    this.#endpoint = endpoint;
    this.#sink = sink;
    this.#prepared = prepared;
    this.#resolve = resolve;
    if (input.keep !== undefined) this.#kept = [];
  }

  start(): void {
    const { target } = this.#input;
    this.#startedMs = this.#world.clock.now();
    this.#forgetClose = this.#sink.onClose(() =>
      this.#finish({ kind: 'client-closed', usage: this.#usage, seenChars: this.#seenChars() }),
    );
    if (this.#over) return;
    this.#cancelFirstToken = this.#world.clock.after(target.timeouts.firstTokenMs, () =>
      this.#fail(
        new GatewayError(
          'upstream_timeout',
          `${target.name} sent no content within ${target.timeouts.firstTokenMs} ms.`,
        ),
      ),
    );
    this.#sending = startExchange(
      this.#world,
      {
        call: this.#input.call,
        target,
        endpoint: this.#endpoint,
        prepared: this.#prepared,
        stream: true,
        remainingMs: this.#input.remainingMs,
      },
      {
        onHead: (headers) => this.#onHead(headers),
        onData: (chunk) => this.#guarded(() => this.#onData(chunk)),
        onEnd: () => this.#guarded(() => this.#onEnd()),
        onFailure: (error) => this.#fail(error),
      },
    );
  }

  #onHead(headers: ResponseHeaders): void {
    this.#headers = headers;
    const type = headers['content-type'] ?? '';
    if (type.startsWith('application/json')) this.#whole = createBody();
    else if (this.#prepared.relay) this.#relay = this.#endpoint.openRelay?.(this.#prepared.forwarded);
    else this.#reader = this.#endpoint.openStream();
  }

  #onData(chunk: Buffer): void {
    if (this.#kept !== undefined) this.#keepChunk(this.#kept, chunk);
    if (this.#whole !== undefined) {
      this.#whole.add(chunk);
      return;
    }
    if (this.#relay !== undefined) this.#forward(this.#relay.push(chunk, this.#emit));
    else this.#reader?.push(chunk, this.#emit);
    this.#settle();
  }

  #keepChunk(kept: Buffer[], chunk: Buffer): void {
    this.#keptBytes += chunk.length;
    if (this.#keptBytes > (this.#input.keep?.mostBytes ?? 0)) this.#kept = undefined;
    else kept.push(chunk);
  }

  #onEnd(): void {
    if (this.#whole !== undefined) this.#endpoint.readAnswer(readJson(this.#whole.bytes()), this.#emit);
    else if (this.#relay !== undefined) this.#forward(this.#relay.finish(this.#emit));
    else this.#reader?.finish(this.#emit);
    this.#settle();
    if (!this.#over)
      this.#fail(
        new GatewayError(
          'upstream_truncated',
          `${this.#input.target.name} ended its stream before it was complete.`,
        ),
      );
  }

  #onEvent(event: StreamEvent): void {
    if (this.#ended || this.#failure !== undefined) return;
    switch (event.type) {
      case 'block-delta':
        this.#chars += event.text.length;
        break;
      case 'usage':
        this.#usage = mergeUsage(this.#usage, event.usage);
        break;
      case 'error':
        this.#failure = event.error;
        return;
      case 'end':
        this.#ended = true;
        break;
      case 'ping':
        return;
    }
    if (!this.#content && isContent(event)) this.#content = true;
    if (this.#relay !== undefined) return;
    if (this.#committed) this.#sink.event(event);
    else this.#heldEvents.push(event);
  }

  #forward(bytes: Uint8Array | undefined): void {
    if (bytes === undefined) return;
    if (this.#committed) {
      this.#sink.bytes(bytes);
      return;
    }
    this.#heldChunks.push(bytes);
    this.#heldBytes += bytes.length;
  }

  /** After each read: commit at first content, push what is new, and close when the stream said its last word. */
  #settle(): void {
    if (this.#over) return;
    // Before the commit: content and its failure may come in one read, and then the caller need not see either.
    if (this.#failure !== undefined) {
      this.#fail(this.#failure);
      return;
    }
    if (this.#content && !this.#committed) this.#commit();
    if (!this.#committed) {
      this.#boundHeld();
      return;
    }
    if (this.#ended) {
      this.#sink.flush();
      this.#sink.end();
      this.#finish({ kind: 'served', usage: this.#usage, firstMs: this.#firstMs });
      return;
    }
    if (!this.#sink.flush()) {
      this.#sending?.pause();
      this.#sink.onDrain(() => this.#sending?.resume());
    }
  }

  #boundHeld(): void {
    if (this.#heldBytes > maxHeldBytes || this.#heldEvents.length > 100_000) {
      this.#fail(
        new GatewayError(
          'upstream_malformed',
          `${this.#input.target.name} streams without ever sending content.`,
        ),
      );
    }
  }

  #commit(): void {
    this.#committed = true;
    this.#firstMs = this.#world.clock.now() - this.#startedMs;
    this.#cancelFirstToken();
    const { target, tried } = this.#input;
    const encode = this.#relay === undefined;
    this.#sink.commit({ target, prepared: this.#prepared, tried, upstreamHeaders: this.#headers }, encode);
    for (const chunk of this.#heldChunks) this.#sink.bytes(chunk);
    for (const event of this.#heldEvents) this.#sink.event(event);
    this.#heldChunks = [];
    this.#heldEvents = [];
  }

  #seenChars(): number {
    return this.#chars + (this.#relay?.skippedChars ?? 0);
  }

  #guarded(step: () => void): void {
    if (this.#over) return;
    try {
      step();
    } catch (thrown) {
      this.#fail(asGatewayError(thrown));
    }
  }

  #fail(error: GatewayError): void {
    if (this.#over) return;
    if (!this.#committed) {
      const seenChars = this.#seenChars();
      this.#finish({
        kind: 'failed',
        error,
        seenChars,
        ...(this.#usage === undefined ? {} : { usage: this.#usage }),
      });
      return;
    }
    this.#sink.fail(error);
    this.#finish({
      kind: 'cut',
      error,
      usage: this.#usage,
      firstMs: this.#firstMs,
      seenChars: this.#seenChars(),
    });
  }

  #finish(outcome: Outcome): void {
    if (this.#over) return;
    this.#over = true;
    this.#cancelFirstToken();
    this.#forgetClose();
    // After a complete answer the upstream may still send its last bytes; reading them keeps the connection reusable.
    if (outcome.kind !== 'served') this.#sending?.abort();
    this.#resolve(outcome);
    if (outcome.kind === 'served' && this.#kept !== undefined)
      this.#input.keep?.answered(this.#whole === undefined ? 'stream' : 'whole', Buffer.concat(this.#kept));
  }
}
