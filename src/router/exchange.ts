/**
 * One HTTP exchange with a target, whatever its answer is: prepare, authenticate, send, and turn everything that is not a success
 * into a `GatewayError`. What a success means is the attempt's (`attempt-stream.ts`, `attempt-whole.ts`).
 */
import type { Clock } from '../core/clock.ts';
import { asGatewayError, GatewayError } from '../core/errors.ts';
import type { Endpoint, ResponseHeaders, WireRequest } from '../providers/contract.ts';
import type { Target } from './chain/contract.ts';
import type { Call, Prepared, Receiver, Sending, Upstream } from './contract.ts';
import type { Learning } from './learning.ts';

/** Enough for any error message; an HTML page of an overloaded proxy can be long. */
const maxErrorBytes = 64 * 1024;

/** Hears of a 2xx answer. One of `onEnd` and `onFailure` is called, once, unless aborted. */
export interface Listener {
  onHead(headers: ResponseHeaders): void;
  onData(chunk: Buffer): void;
  onEnd(): void;
  onFailure(error: GatewayError): void;
}

export interface ExchangeWorld {
  readonly upstream: Upstream;
  readonly clock: Clock;
  /** What providers say of their limits; absent where nobody listens. */
  readonly learning?: Learning;
}

export interface ExchangeOptions {
  readonly call: Call;
  readonly target: Target;
  readonly endpoint: Endpoint<never>;
  readonly prepared: Prepared;
  readonly stream: boolean;
  /** What is left of the request's time budget. */
  readonly remainingMs: number;
}

/** Starts the exchange. The answer aborts it; after that the listener hears nothing. */
export function startExchange(world: ExchangeWorld, options: ExchangeOptions, listener: Listener): Sending {
  const { target, endpoint, prepared, stream } = options;
  const { timeouts } = target;
  let sending: Sending | undefined;
  let over = false;
  let paused = false;
  let status = 0;
  const sentMs = world.clock.now();
  let failure: { headers: ResponseHeaders; chunks: Buffer[]; bytes: number } | undefined;

  const cancelTotal = world.clock.after(Math.min(timeouts.totalMs, options.remainingMs), () => {
    fail(new GatewayError('upstream_timeout', `${target.name} did not finish within its time.`));
    sending?.abort();
  });

  let reported = false;
  function learn(headers: ResponseHeaders): void {
    const report = world.learning === undefined ? undefined : endpoint.readLimits?.(headers);
    if (report === undefined) return;
    reported = true;
    world.learning?.report(target, report, world.clock.now() - sentMs);
  }

  function finish(): boolean {
    if (over) return false;
    over = true;
    cancelTotal();
    return true;
  }

  function fail(error: GatewayError): void {
    if (finish()) listener.onFailure(error);
  }

  const receiver: Receiver = {
    onHead(code, headers) {
      if (over) return;
      status = code;
      learn(headers);
      if (code >= 200 && code < 300) listener.onHead(headers);
      else failure = { headers, chunks: [], bytes: 0 };
    },
    onData(chunk) {
      if (over) return;
      if (failure === undefined) listener.onData(chunk);
      else if (failure.bytes < maxErrorBytes) {
        failure.chunks.push(chunk);
        failure.bytes += chunk.length;
      }
    },
    onEnd() {
      if (failure !== undefined) fail(readFailure());
      else if (finish()) listener.onEnd();
    },
    onError(error) {
      // A refusal whose body broke off is still that refusal.
      fail(failure === undefined ? error : readFailure());
    },
  };

  function readFailure(): GatewayError {
    const headers = failure?.headers ?? {};
    const body = Buffer.concat(failure?.chunks ?? []).toString('utf8', 0, maxErrorBytes);
    const error = endpoint.readError({ status, headers, body });
    // A 429 may say as well that there is no room for anybody, or no money left: then our limits are not spent.
    if (error.code === 'rate_limited' && status === 429 && !reported) world.learning?.throttled(target);
    return error;
  }

  function send(request: WireRequest): void {
    if (over) return;
    sending = world.upstream.send(
      request,
      {
        connectMs: timeouts.connectMs,
        headMs: stream ? timeouts.firstByteMs : timeouts.answerMs,
        idleMs: timeouts.idleMs,
      },
      receiver,
    );
    if (paused) sending.pause();
  }

  try {
    const request = endpoint.request(prepared.body, { stream, headers: prepared.headers });
    if (request instanceof Promise)
      request.then(send).catch((thrown: unknown) => fail(asGatewayError(thrown)));
    else send(request);
  } catch (thrown) {
    // Told in a later turn, so that no listener hears back before `startExchange` has returned.
    queueMicrotask(() => fail(asGatewayError(thrown)));
  }

  return {
    abort() {
      finish();
      sending?.abort();
    },
    pause() {
      paused = true;
      sending?.pause();
    },
    resume() {
      paused = false;
      sending?.resume();
    },
  };
}
