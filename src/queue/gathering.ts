/** Gathering as it runs: looks again and again for what is due, for what came of batches, and for whom to tell. */
import type { Log } from '../telemetry/log.ts';
import { announceEnded } from './announce.ts';
import { Gatherer, type GatherWorld } from './gather.ts';
import { Settler, type SettleWorld } from './settle.ts';

export interface GatheringWorld extends GatherWorld, SettleWorld {
  /** How long requests are kept once they have ended. */
  readonly keepMs: () => number;
  readonly log: Pick<Log, 'error'>;
}

const lookMs = 1_000;
/** How often what is kept no longer is removed. */
const pruneMs = 600_000;
/** Looking may take this share of the time: where counting what waits takes long, it is done less often. */
const mostShare = 0.2;

export class Gathering {
  readonly #world: GatheringWorld;
  readonly #gatherer: Gatherer;
  readonly #settler: Settler;
  #pruneAtMs = 0;
  #stopped = false;
  #cancel: () => void = () => {};
  #running: Promise<void> = Promise.resolve();

  constructor(world: GatheringWorld) {
    this.#world = world;
    this.#gatherer = new Gatherer(world);
    this.#settler = new Settler(world);
  }

  start(): void {
    this.#running = this.#look(true);
  }

  /** The step that runs comes to where it may be left. */
  async close(): Promise<void> {
    this.#stopped = true;
    this.#cancel();
    await this.#running;
    this.#cancel();
  }

  async #look(start: boolean): Promise<void> {
    const { clock, rows } = this.#world;
    const stopped = (): boolean => this.#stopped;
    const beganMs = clock.now();
    await this.#try('go on with batches that were begun', () => this.#gatherer.resume(start));
    await this.#try('gather requests into batches', () => this.#gatherer.flushDue(stopped));
    await this.#try('take what came of batches', () => this.#settler.settle(stopped));
    await this.#try('keep what webhooks are told', () => announceEnded(rows, clock.now()));
    await this.#try('remove requests that are kept no longer', () => this.#prune());
    if (this.#stopped) return;
    const tookMs = clock.now() - beganMs;
    this.#cancel = clock.after(Math.max(lookMs, tookMs * (1 / mostShare - 1)), () => {
      this.#running = this.#look(false);
    });
  }

  async #prune(): Promise<void> {
    const { clock, rows, keepMs } = this.#world;
    const nowMs = clock.now();
    if (nowMs < this.#pruneAtMs) return;
    this.#pruneAtMs = nowMs + pruneMs;
    await rows.prune(nowMs - keepMs());
  }

  /** One that fails does not hold up the others; each is tried again with the next look. */
  async #try(what: string, step: () => Promise<unknown>): Promise<void> {
    if (this.#stopped) return;
    try {
      await step();
    } catch (thrown) {
      this.#world.log.error({ err: thrown }, `could not ${what}; tried again`);
    }
  }
}
