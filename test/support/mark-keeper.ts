/** Keeps marks for tests. */
import type { MarkWriter } from '../../src/limits/memory/marks.ts';
import { settle } from './clock.ts';

/** A store whose writes end when told to, and that outlives the process. */
export class MarkKeeper implements MarkWriter {
  readonly durable = new Map<string, number>();
  writes = 0;
  /** Those that have not ended. */
  readonly waiting: ((fails?: boolean) => void)[] = [];
  held = false;
  failing = false;

  async write(marks: Parameters<MarkWriter['write']>[0]): Promise<void> {
    this.writes += 1;
    let fails = this.failing;
    if (this.held)
      await new Promise<void>((resolve) => {
        this.waiting.push((failing = false) => {
          fails = failing;
          resolve();
        });
      });
    if (fails) throw new Error('the disk is full');
    for (const { name, nanoUsd } of marks) this.durable.set(name, nanoUsd);
  }

  /** Ends the writes that wait, and those that follow from them. */
  async release(fails = false): Promise<void> {
    for (let turn = 0; turn < 10; turn++) {
      for (const end of this.waiting.splice(0)) end(fails);
      await settle();
    }
  }
}
