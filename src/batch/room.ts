/**
 * What submissions hold while a provider works on them: a place among its batches, the tokens that it has enqueued, and money of budgets. Taken before anything is
 * sent, given back when the results are in. Held in memory and in the limits; after a start it is taken again for all that a provider may
 * still have, whatever the limits say, since it is being used.
 */
import type { Charge, Limits, Reservation, SlotTake } from '../limits/contract.ts';
import { chargeOf, type Due } from '../router/budgets.ts';
import type { Target } from '../router/chain/contract.ts';
import type { Submission } from './contract.ts';

/** Why nothing may be sent now. `never`: it will not change by waiting. */
export type NoRoom =
  | { readonly ok: false; readonly kind: 'busy'; readonly key: string }
  | { readonly ok: false; readonly kind: 'budget'; readonly key: string; readonly pending: boolean };

/** Those beyond come at their own time. */
const mostWaiting = 1_000;

export class Room {
  readonly #limits: Limits;
  readonly #held = new Map<string, Reservation>();
  readonly #waiting = new Set<string>();

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  has(id: string): boolean {
    return this.#held.has(id);
  }

  /** `nanoUsd`: what is set aside of each budget. */
  async take(
    submission: Submission,
    target: Target,
    dues: readonly Due[],
    nanoUsd: number,
  ): Promise<{ readonly ok: true } | NoRoom> {
    if (this.#held.has(submission.id)) return { ok: true };
    const verdict = await this.#limits.reserve({
      id: submission.id,
      takes: [],
      slots: slotsOf(submission, target),
      charges: dues.map((due) => chargeOf(due, nanoUsd)),
      maxWaitMs: 0,
    });
    if (verdict.ok) {
      this.#waiting.delete(submission.id);
      this.#held.set(submission.id, verdict.reservation);
      return { ok: true };
    }
    if (this.#waiting.size < mostWaiting) this.#waiting.add(submission.id);
    if (verdict.kind === 'budget')
      return { ok: false, kind: 'budget', key: verdict.key, pending: verdict.pending };
    return { ok: false, kind: 'busy', key: verdict.key };
  }

  /** For what a provider has already: counted, never refused. */
  async takeAgain(
    submission: Submission,
    target: Target | undefined,
    dues: readonly Due[],
    nanoUsd: number,
  ): Promise<void> {
    if (this.#held.has(submission.id)) return;
    const charges = dues.map(
      (due): Charge => ({
        ...chargeOf(due, nanoUsd),
        capNanoUsd: Number.POSITIVE_INFINITY,
      }),
    );
    const slots = target === undefined ? [] : slotsOf(submission, target);
    const verdict = await this.#limits.reserve({
      id: submission.id,
      takes: [],
      slots: slots.map((slot) => ({ ...slot, limit: Number.MAX_SAFE_INTEGER })),
      charges,
      maxWaitMs: 0,
    });
    if (verdict.ok) this.#held.set(submission.id, verdict.reservation);
  }

  /** `nanoUsd`: what it has really cost. Later calls do nothing. */
  giveBack(id: string, nanoUsd: number): void {
    this.#waiting.delete(id);
    this.#held.get(id)?.settle([], nanoUsd);
    this.#held.delete(id);
  }

  /** Who was told that there is no room: now some may have come. Each is named once. */
  takeWaiting(): readonly string[] {
    const ids = [...this.#waiting];
    this.#waiting.clear();
    return ids;
  }
}

function slotsOf({ inputTokens }: Submission, { batchRoom }: Target): readonly SlotTake[] {
  const slots: SlotTake[] = [];
  if (batchRoom?.jobs !== undefined) slots.push({ ...batchRoom.jobs, amount: 1 });
  if (batchRoom?.tokens !== undefined)
    slots.push({ ...batchRoom.tokens, amount: Math.min(inputTokens, batchRoom.tokens.limit) });
  return slots;
}
