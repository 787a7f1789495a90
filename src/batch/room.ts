/**
 * What submissions hold while a provider works on them: a place among its batches, the tokens that it has enqueued, and money of budgets. Taken before anything is
 * sent, given back when the results are in. Held in the limits; after a start it is taken again for all that a provider may
 * still have, whatever the limits say, since it is being used. Whoever collects a submission gives it back, not only who sent it.
 */
import type { Charge, Limits, SlotTake } from '../limits/contract.ts';
import { chargeOf, type Due } from '../router/budgets.ts';
import type { Target } from '../router/chain/contract.ts';
import type { Submission } from './contract.ts';

/** Why nothing may be sent now. `never`: it will not change by waiting. */
export type NoRoom =
  | { readonly ok: false; readonly kind: 'busy'; readonly key: string }
  | { readonly ok: false; readonly kind: 'budget'; readonly key: string; readonly pending: boolean };

export class Room {
  readonly #limits: Limits;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** `nanoUsd`: what is set aside of each budget. */
  async take(
    submission: Submission,
    target: Target,
    dues: readonly Due[],
    nanoUsd: number,
  ): Promise<{ readonly ok: true } | NoRoom> {
    const verdict = await this.#limits.hold({
      id: submission.id,
      slots: slotsOf(submission, target),
      charges: dues.map((due) => chargeOf(due, nanoUsd)),
    });
    if (verdict.ok) return verdict;
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
    const charges = dues.map(
      (due): Charge => ({
        ...chargeOf(due, nanoUsd),
        capNanoUsd: Number.POSITIVE_INFINITY,
      }),
    );
    const slots = target === undefined ? [] : slotsOf(submission, target);
    await this.#limits.hold({
      id: submission.id,
      slots: slots.map((slot) => ({ ...slot, limit: Number.MAX_SAFE_INTEGER })),
      charges,
    });
  }

  /** `nanoUsd`: what it has really cost. Later calls do nothing. */
  giveBack(id: string, nanoUsd: number): void {
    this.#limits.letGo(id, nanoUsd);
  }
}

function slotsOf({ inputTokens }: Submission, { batchRoom }: Target): readonly SlotTake[] {
  const slots: SlotTake[] = [];
  if (batchRoom?.jobs !== undefined) slots.push({ ...batchRoom.jobs, amount: 1 });
  if (batchRoom?.tokens !== undefined)
    slots.push({ ...batchRoom.tokens, amount: Math.min(inputTokens, batchRoom.tokens.limit) });
  return slots;
}
