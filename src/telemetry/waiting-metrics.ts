/** What is counted of requests that wait: how they were gathered, and what came of them. */
import type { MetricSet } from './metrics.ts';

export class WaitingMetrics {
  readonly #gathered;
  readonly #batches;
  readonly #passedOn;
  readonly #settled;

  constructor(set: MetricSet) {
    this.#batches = set.counter(
      'intermodal_gathered_batches_total',
      'Batches that single requests were gathered into, by what they were waiting for.',
      ['why'],
    );
    this.#gathered = set.counter('intermodal_gathered_requests_total', 'Requests in them.', []);
    this.#passedOn = set.counter(
      'intermodal_gathered_too_few_total',
      'Requests that were too few for a batch and went through the queue.',
      [],
    );
    this.#settled = set.counter(
      'intermodal_gathered_settled_total',
      'What came of requests in gathered batches.',
      ['outcome'],
    );
    // What may come is known: it is there from the start, as 0.
    for (const why of ['count', 'age', 'deadline', 'resumed']) this.#batches.row([why]);
    for (const outcome of ['answered', 'failed', 'cancelled']) this.#settled.row([outcome]);
    this.#gathered.row([]);
    this.#passedOn.row([]);
  }

  gathered(requests: number, why: string): void {
    this.#batches.row([why]).total += 1;
    this.#gathered.row([]).total += requests;
  }

  passedOn(requests: number): void {
    this.#passedOn.row([]).total += requests;
  }

  settled(state: string, requests: number): void {
    this.#settled.row([state]).total += requests;
  }
}
