/**
 * What all processes hold together: under an id that outlives the process that asked for it, so that any of them may settle it, and none
 * that dies takes it along. What it is about is kept beside it, in the words that settle it.
 */
import { z } from 'zod';
import type { Demand, LongDemand, Refusal, Reservation, Verdict } from '../contract.ts';
import type { Keys } from './keys.ts';
import type { RedisLink } from './scripts.ts';
import type { Asked, Made } from './spelling.ts';

/** In the place of a process's name; `reserve.lua` knows it. */
export const everybody = '@shared';

const amounts = z.object({
  epoch: z.string(),
  slots: z.array(z.object({ key: z.string(), limit: z.number(), amount: z.number() })),
  /** A cap of -1 is none. */
  charges: z.array(
    z.object({ key: z.string(), cap: z.number(), nanoUsd: z.number(), expiresAtMs: z.number() }),
  ),
});

export interface HoldingWorld {
  readonly link: Pick<RedisLink, 'field'>;
  readonly keys: Keys;
  /** Absent: we are on our own. */
  readonly epoch: () => string | undefined;
  /** The one after that, where it is over. */
  readonly next: (epoch: string, again: number) => Promise<string | undefined>;
  readonly ask: (demand: Demand, by: string, epoch: string) => Promise<Asked>;
  readonly alone: (demand: Demand) => Verdict | Promise<Verdict>;
  readonly settle: (made: Made, nanoUsd: number) => void;
  /** Once Redis is back. */
  readonly later: (task: () => void) => void;
  readonly lost: (thrown: unknown) => void;
}

export class Holding {
  readonly #world: HoldingWorld;
  /** What was granted while Redis was away: as many as began meanwhile. */
  readonly #alone = new Map<string, Reservation>();

  constructor(world: HoldingWorld) {
    this.#world = world;
  }

  async hold(long: LongDemand): Promise<{ readonly ok: true } | Refusal> {
    if (this.#alone.has(long.id)) return { ok: true };
    const { epoch, next, ask, alone } = this.#world;
    const demand: Demand = { ...long, takes: [], maxWaitMs: 0 };
    let again = 0;
    for (let current = epoch(); current !== undefined; current = await next(current, again++)) {
      const asked = current;
      const answer = await ask({ ...demand, note: () => spell(long, asked) }, everybody, asked);
      // Perhaps it was done: then it is let go with the one that is granted now, and counts twice until then.
      if (answer === 'lost') break;
      if (answer !== 'over') return answer.ok ? { ok: true } : answer;
    }
    const verdict = await alone(demand);
    if (!verdict.ok) return verdict;
    this.#alone.set(long.id, verdict.reservation);
    return { ok: true };
  }

  letGo(id: string, nanoUsd: number): void {
    const own = this.#alone.get(id);
    this.#alone.delete(id);
    own?.settle([], nanoUsd);
    this.#letGoShared(id, own === undefined ? nanoUsd : 0);
  }

  #letGoShared(id: string, nanoUsd: number): void {
    const { link, keys, epoch, later, lost, settle } = this.#world;
    const again = (): void => this.#letGoShared(id, nanoUsd);
    if (epoch() === undefined) {
      later(again);
      return;
    }
    link.field(keys.open(everybody), id).then(
      (text) => {
        const made = text === null ? undefined : read(id, text);
        if (made !== undefined) settle(made, nanoUsd);
      },
      (thrown: unknown) => {
        lost(thrown);
        later(again);
      },
    );
  }
}

function spell({ slots, charges }: LongDemand, epoch: string): string {
  const written: z.input<typeof amounts> = {
    epoch,
    slots: slots.map(({ key, limit, amount }) => ({ key, limit, amount })),
    charges: charges.map(({ key, capNanoUsd, nanoUsd, expiresAtMs }) => ({
      key,
      cap: capNanoUsd === Number.POSITIVE_INFINITY ? -1 : capNanoUsd,
      nanoUsd,
      expiresAtMs,
    })),
  };
  return JSON.stringify(written);
}

function read(id: string, text: string): Made | undefined {
  const found = amounts.safeParse(JSON.parse(text));
  // Written by another version of this program: it stays held until its window is over.
  if (!found.success) return undefined;
  const { epoch, slots, charges } = found.data;
  return {
    process: everybody,
    epoch,
    demand: {
      id,
      takes: [],
      slots,
      charges: charges.map(({ cap, ...charge }) => ({
        ...charge,
        capNanoUsd: cap < 0 ? Number.POSITIVE_INFINITY : cap,
      })),
      maxWaitMs: 0,
    },
  };
}
