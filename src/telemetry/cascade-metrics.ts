/** What cascades count. `docs/reference/metrics.md` lists the same names for operators. */
import type { CascadeView } from '../router/cascade/contract.ts';
import type { MetricSet } from './metrics.ts';

/** `kept`: the strong model failed, and the cheap answer was given after all. */
export type CascadeOutcome = 'accepted' | 'escalated' | 'kept';
export type AuditOutcome = 'agreed' | 'differed' | 'incomparable' | 'failed' | 'dropped';

export class CascadeMetrics {
  readonly #answers;
  readonly #audits;

  constructor(set: MetricSet, views: () => readonly CascadeView[]) {
    this.#answers = set.counter(
      'intermodal_cascade_answers_total',
      'Answers of cascades: accepted from the cheap model, or escalated to the strong one, and why.',
      ['route', 'outcome', 'why'],
    );
    this.#audits = set.counter(
      'intermodal_cascade_audits_total',
      'Accepted answers that the strong model was asked for too, and what came of it.',
      ['route', 'outcome'],
    );
    const gauge = (name: string, help: string, read: (view: CascadeView) => number | undefined): void =>
      set.gauge(
        name,
        help,
        ['route'],
        () =>
          views().flatMap((view) => {
            const value = read(view);
            return value === undefined ? [] : [{ labels: { route: view.route }, value }];
          }),
        'average',
      );
    gauge(
      'intermodal_cascade_threshold',
      'Least confidence that is accepted now.',
      ({ threshold }) => threshold,
    );
    gauge(
      'intermodal_cascade_agreement_ratio',
      'Share of audited answers that said what the strong model says.',
      ({ agreement }) => agreement,
    );
    gauge(
      'intermodal_cascade_calibration_error_ratio',
      'Expected calibration error of confidences, on labels that the calibration has not seen.',
      ({ error }) => error,
    );
  }

  answer(route: string, outcome: CascadeOutcome, why: string): void {
    this.#answers.row([route, outcome, why]).total += 1;
  }

  audit(route: string, outcome: AuditOutcome): void {
    this.#audits.row([route, outcome]).total += 1;
  }
}
