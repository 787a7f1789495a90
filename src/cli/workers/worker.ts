/** A worker's side of `serve --workers`: it tells that it serves, and its counts, and asks for those of all. */
import type { MetricSet } from '../../telemetry/metrics.ts';
import { type DecisionQuery, type FromPrimary, type FromWorker, fromPrimary } from './messages.ts';

/** Longer than the primary waits for the slowest worker. */
const answerMs = 4_000;
/** Questions of a kind that wait for an answer at once. */
const mostAsking = 100;

export function tellServing(url: string, welcome: string): void {
  tell({ kind: 'serving', url, welcome });
}

/** From now on the set tells what all workers count together. */
export function shareMetrics(set: MetricSet): void {
  const questions = new Questions<string>();
  hear((data) => {
    if (data.kind === 'all-metrics') questions.answered(data.id, data.text);
    if (data.kind !== 'tell-metrics') return;
    set.parts().then(
      (metrics) => tell({ kind: 'own-metrics', id: data.id, metrics: [...metrics] }),
      () => tell({ kind: 'own-metrics', id: data.id, metrics: [] }),
    );
  });
  set.tellOthersToo(() => questions.ask((id) => ({ kind: 'all-metrics', id })));
}

/** `own`: what this worker has. The answer: what all of them have. */
export function shareDecisions(
  own: (query: DecisionQuery) => readonly object[],
): (query: DecisionQuery) => Promise<readonly object[] | undefined> {
  const questions = new Questions<readonly object[]>();
  hear((data) => {
    if (data.kind === 'all-decisions') questions.answered(data.id, data.decisions);
    if (data.kind === 'tell-decisions')
      tell({ kind: 'own-decisions', id: data.id, decisions: [...own(data.query)] });
  });
  return (query) => questions.ask((id) => ({ kind: 'all-decisions', id, query }));
}

/** Questions to the primary that wait for their answers. */
class Questions<T> {
  readonly #waiting = new Map<number, (answer: T | undefined) => void>();
  #asked = 0;

  /** `undefined`: there is no answer in time. */
  ask(question: (id: number) => FromWorker): Promise<T | undefined> {
    if (this.#waiting.size >= mostAsking || process.connected !== true) return Promise.resolve(undefined);
    const id = ++this.#asked;
    return new Promise((resolve) => {
      const answered = (answer: T | undefined): void => {
        clearTimeout(timer);
        this.#waiting.delete(id);
        resolve(answer);
      };
      const timer = setTimeout(() => answered(undefined), answerMs);
      this.#waiting.set(id, answered);
      tell(question(id));
    });
  }

  answered(id: number, answer: T): void {
    this.#waiting.get(id)?.(answer);
  }
}

function hear(heard: (data: FromPrimary) => void): void {
  process.on('message', (message: unknown) => {
    const parsed = fromPrimary.safeParse(message);
    if (parsed.success) heard(parsed.data);
  });
}

function tell(message: FromWorker): void {
  process.send?.(message);
}
