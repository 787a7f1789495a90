/** What is counted of requests that wait, and how many there are. */
import { priorities } from '../core/facts.ts';
import type { QueuedRequest } from '../queue/contract.ts';
import type { LaneDepth } from '../stores/queue/contract.ts';
import type { MetricSet } from './metrics.ts';

/** Seconds: from calls that begin at once to what waits for a day. */
const waitBounds = [0.1, 0.5, 1, 5, 15, 60, 300, 900, 3_600, 14_400, 86_400];

export interface QueueGauges {
  depths(): readonly LaneDepth[];
  calling(): number;
  nowMs(): number;
}

export class QueueMetrics {
  readonly #ended;
  readonly #requeued;
  readonly #joined;
  readonly #waited;

  constructor(set: MetricSet, gauges: QueueGauges) {
    this.#ended = set.counter(
      'intermodal_queue_ended_total',
      'Requests that workers of the queue have ended.',
      ['priority', 'state', 'code'],
    );
    this.#requeued = set.counter(
      'intermodal_queue_requeued_total',
      'Requests that a worker has let go, to be called again later.',
      ['why'],
    );
    this.#joined = set.counter(
      'intermodal_queue_joined_total',
      'Requests that took the answer of another that was called.',
      [],
    );
    this.#waited = set.histogram(
      'intermodal_queue_wait_seconds',
      'From when a request came until it ended.',
      ['priority'],
      waitBounds,
    );
    // There from the start, so that a rate over them has a beginning.
    for (const priority of priorities) {
      this.#ended.row([priority, 'answered', '']);
      this.#waited.row([priority]);
    }
    this.#requeued.row(['no_room']);
    this.#joined.row([]);
    const rows = (read: (depth: LaneDepth | undefined) => number) =>
      (['queue', 'batch'] as const).flatMap((way) =>
        priorities.map((priority) => {
          const known = gauges.depths().find((depth) => depth.way === way && depth.priority === priority);
          return { labels: { way, priority }, value: read(known) };
        }),
      );
    // All processes count the same rows.
    set.gauge(
      'intermodal_queue_depth',
      'Requests that wait for a worker or to be gathered.',
      ['way', 'priority'],
      () => rows((depth) => depth?.waiting ?? 0),
      'max',
    );
    set.gauge(
      'intermodal_queue_oldest_seconds',
      'How long the oldest of them has waited.',
      ['way', 'priority'],
      () =>
        rows((depth) => (depth === undefined ? 0 : Math.max(0, gauges.nowMs() - depth.oldestAtMs) / 1000)),
      'max',
    );
    set.gauge('intermodal_queue_calling', 'Requests of the queue that are called.', [], () => [
      { labels: {}, value: gauges.calling() },
    ]);
  }

  ended(
    { priority }: QueuedRequest,
    state: 'answered' | 'failed',
    code: string | undefined,
    waitedMs: number,
  ): void {
    this.#ended.row([priority, state, code ?? '']).total += 1;
    this.#waited.row([priority]).observe(waitedMs / 1000);
  }

  requeued(_request: QueuedRequest, why: string): void {
    this.#requeued.row([why]).total += 1;
  }

  joined(): void {
    this.#joined.row([]).total += 1;
  }
}
