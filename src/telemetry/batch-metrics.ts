/** What is counted of batches, and what operators are told of them. */
import type { Batch, Submission } from '../batch/contract.ts';
import type { SubmissionAges } from '../stores/batch/contract.ts';
import type { Log } from './log.ts';
import type { MetricSet } from './metrics.ts';

export interface BatchGauges {
  ages(): readonly SubmissionAges[];
  nowMs(): number;
}

export class BatchMetrics {
  readonly #log: Log;
  readonly #batches;
  readonly #items;
  readonly #submissions;
  readonly #alerts;
  readonly #cost;
  readonly #saved;
  readonly #forecast;
  readonly #paid;

  constructor(set: MetricSet, log: Log, gauges: BatchGauges) {
    this.#log = log;
    this.#batches = set.counter('intermodal_batches_total', 'Batches that have ended.', ['state']);
    this.#items = set.counter('intermodal_batch_items_total', 'Items of batches that have ended.', [
      'outcome',
    ]);
    this.#submissions = set.counter(
      'intermodal_batch_submissions_total',
      'Submissions to providers that have ended.',
      ['target', 'how'],
    );
    this.#alerts = set.counter('intermodal_batch_alerts_total', 'What operators were told of batches.', [
      'kind',
    ]);
    this.#cost = set.counter('intermodal_batch_cost_usd_total', 'What ended batches have cost.', []);
    this.#saved = set.counter(
      'intermodal_batch_saved_usd_total',
      'What ended batches would have cost more by sync calls at list price.',
      [],
    );
    this.#forecast = set.counter(
      'intermodal_batch_forecast_usd_total',
      'What completed batches were expected to cost, before their first item was sent.',
      ['model'],
    );
    this.#paid = set.counter('intermodal_batch_paid_usd_total', 'What the same batches have cost.', [
      'model',
    ]);
    // All processes count the same rows.
    set.gauge(
      'intermodal_batch_oldest_submission_seconds',
      'How long the oldest submission has been at its provider.',
      ['target'],
      () =>
        gauges.ages().map(({ target, oldestSentAtMs }) => ({
          labels: { target },
          value: Math.max(0, gauges.nowMs() - oldestSentAtMs) / 1000,
        })),
      'max',
    );
    set.gauge(
      'intermodal_batch_late_submissions',
      'Submissions that have been at their provider for longer than batch.late_alert.',
      ['target'],
      () => gauges.ages().map(({ target, late }) => ({ labels: { target }, value: late })),
      'max',
    );
  }

  batchEnded(batch: Batch): void {
    const { done, failed, cancelled, expired } = batch.counts;
    this.#batches.row([batch.state]).total += 1;
    for (const [outcome, count] of Object.entries({ done, failed, cancelled, expired }))
      this.#items.row([outcome]).total += count;
    this.#cost.row([]).total += batch.costNanoUsd / 1e9;
    this.#saved.row([]).total += (batch.listNanoUsd - batch.costNanoUsd) / 1e9;
    // A forecast is of all items: what was cancelled or expired would make it look generous.
    if (batch.state === 'completed') {
      const model = batch.model ?? '';
      this.#forecast.row([model]).total += batch.estimateNanoUsd / 1e9;
      this.#paid.row([model]).total += batch.costNanoUsd / 1e9;
    }
    this.#log.info(
      { batch: batch.id, state: batch.state, done, failed, costUsd: batch.costNanoUsd / 1e9 },
      'batch ended',
    );
  }

  submissionEnded({ target, how }: Submission): void {
    this.#submissions.row([target, how ?? '']).total += 1;
  }

  failureRate({ id, target }: Submission, share: number): void {
    this.#alerts.row(['failure-rate']).total += 1;
    this.#log.error({ submission: id, target, share }, 'too many items of a submission failed');
  }

  late({ id, target }: Submission, runMs: number): void {
    this.#alerts.row(['late']).total += 1;
    this.#log.error({ submission: id, target, runMs }, 'a submission takes long');
  }

  deadLetters({ id }: Batch, count: number): void {
    this.#alerts.row(['dead-letters']).total += 1;
    this.#log.warn(
      { batch: id, count },
      'items of a batch ended without an answer; intermodal batch retry-dead tries them again',
    );
  }
}
