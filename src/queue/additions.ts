/**
 * Requests that come together are kept together: what makes a row durable costs the same for one as for a hundred, and it is most of what
 * keeping one costs. While one handful is written the next one gathers, so nobody waits for company.
 */
import { setImmediate } from 'node:timers/promises';
import type { QueueRows } from '../stores/queue/contract.ts';
import type { NewQueuedRequest } from './contract.ts';

type Added = Awaited<ReturnType<QueueRows['add']>>;

interface Waiting {
  readonly request: NewQueuedRequest;
  readonly resolve: (added: Added) => void;
  readonly reject: (thrown: unknown) => void;
}

/** Rows and bytes of one transaction: others that write must have their turn. */
const mostRows = 256;
const mostBytes = 16 * 1024 * 1024;

export class Additions {
  readonly #rows: Pick<QueueRows, 'add' | 'addAll'>;
  /** Callers hold their lines meanwhile, so these are never more than the connections. */
  #waiting: Waiting[] = [];
  #writing = false;

  constructor(rows: Pick<QueueRows, 'add' | 'addAll'>) {
    this.#rows = rows;
  }

  add(request: NewQueuedRequest): Promise<Added> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ request, resolve, reject });
      if (!this.#writing) void this.#write();
    });
  }

  async #write(): Promise<void> {
    this.#writing = true;
    // Those whose bytes are here already are read first.
    await setImmediate();
    while (this.#waiting.length > 0) await this.#writeSome(this.#take());
    this.#writing = false;
  }

  #take(): readonly Waiting[] {
    let bytes = 0;
    let rows = 0;
    for (const { request } of this.#waiting) {
      bytes += request.body.length;
      if (rows > 0 && (rows >= mostRows || bytes > mostBytes)) break;
      rows += 1;
    }
    return this.#waiting.splice(0, rows);
  }

  async #writeSome(taken: readonly Waiting[]): Promise<void> {
    try {
      const added = await this.#rows.addAll(taken.map(({ request }) => request));
      for (const [index, one] of taken.entries()) {
        const row = added[index];
        if (row === undefined) one.reject(new Error('A request was neither kept nor refused.'));
        else one.resolve(row);
      }
    } catch (thrown) {
      if (taken.length === 1) taken[0]?.reject(thrown);
      // One that cannot be written must not refuse the others.
      else for (const one of taken) await this.#rows.add(one.request).then(one.resolve, one.reject);
    }
  }
}
