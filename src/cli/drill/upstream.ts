/** The HTTP client of a drill: what it waits for is measured on the drill's clock, not on the machine's. */
import type { Clock } from '../../core/clock.ts';
import { GatewayError } from '../../core/errors.ts';
import type { Receiver, Sending, Upstream } from '../../router/contract.ts';

/** Far beyond any drill: the inner client must not give up by real time. */
const foreverMs = 3_600_000;

export function onClock(inner: Upstream, clock: Clock): Upstream {
  return {
    send(request, { headMs, idleMs }, receiver) {
      const watch = new Watch(clock, receiver, idleMs);
      const sending = inner.send(request, { connectMs: 10_000, headMs: foreverMs, idleMs: foreverMs }, watch);
      watch.begin(sending, headMs);
      return {
        abort() {
          watch.over();
          sending.abort();
        },
        pause() {
          watch.hold();
          sending.pause();
        },
        resume() {
          watch.arm(idleMs);
          sending.resume();
        },
      };
    },
    close: () => inner.close(),
  };
}

class Watch implements Receiver {
  readonly #clock: Clock;
  readonly #receiver: Receiver;
  readonly #idleMs: number;
  #sending: Sending | undefined;
  #cancel: () => void = () => {};
  #over = false;

  constructor(clock: Clock, receiver: Receiver, idleMs: number) {
    this.#clock = clock;
    this.#receiver = receiver;
    this.#idleMs = idleMs;
  }

  begin(sending: Sending, headMs: number): void {
    this.#sending = sending;
    if (!this.#over) this.arm(headMs);
  }

  /** Gives up when nothing has come for so long. */
  arm(ms: number): void {
    if (this.#over) return;
    this.#cancel();
    this.#cancel = this.#clock.after(ms, () => {
      this.over();
      this.#sending?.abort();
      this.#receiver.onError(new GatewayError('upstream_timeout', 'The provider was silent for too long.'));
    });
  }

  /** The caller reads slowly: that is no silence. */
  hold(): void {
    this.#cancel();
  }

  over(): void {
    this.#over = true;
    this.#cancel();
  }

  onHead(...head: Parameters<Receiver['onHead']>): void {
    this.arm(this.#idleMs);
    this.#receiver.onHead(...head);
  }

  onData(chunk: Buffer): void {
    this.arm(this.#idleMs);
    this.#receiver.onData(chunk);
  }

  onEnd(): void {
    this.over();
    this.#receiver.onEnd();
  }

  onError(error: GatewayError): void {
    this.over();
    this.#receiver.onError(error);
  }
}
