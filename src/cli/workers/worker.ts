/** A worker's side of `serve --workers`: it tells that it serves, and its counts, and asks for those of all. */
import type { MetricSet } from '../../telemetry/metrics.ts';
import { type FromWorker, fromPrimary } from './messages.ts';

/** Longer than the primary waits for the slowest worker. */
const answerMs = 4_000;
/** Scrapes that wait for an answer at once. */
const mostAsking = 100;

export function tellServing(url: string, welcome: string): void {
  tell({ kind: 'serving', url, welcome });
}

/** From now on the set tells what all workers count together. */
export function shareMetrics(set: MetricSet): void {
  const waiting = new Map<number, (text: string) => void>();
  let questions = 0;
  process.on('message', (message: unknown) => {
    const parsed = fromPrimary.safeParse(message);
    if (!parsed.success) return;
    const { data } = parsed;
    if (data.kind === 'all-metrics') {
      waiting.get(data.id)?.(data.text);
      return;
    }
    set.parts().then(
      (metrics) => tell({ kind: 'own-metrics', id: data.id, metrics: [...metrics] }),
      () => tell({ kind: 'own-metrics', id: data.id, metrics: [] }),
    );
  });
  set.tellOthersToo(async () => {
    if (waiting.size >= mostAsking || process.connected !== true) return undefined;
    const id = ++questions;
    return new Promise((resolve) => {
      const answered = (text: string | undefined): void => {
        clearTimeout(timer);
        waiting.delete(id);
        resolve(text);
      };
      const timer = setTimeout(() => answered(undefined), answerMs);
      waiting.set(id, answered);
      tell({ kind: 'all-metrics', id });
    });
  });
}

function tell(message: FromWorker): void {
  process.send?.(message);
}
