/** What is said to `reserve.lua` and `settle.lua`, and what is heard of a refusal; each script’s head has the same list. */
import type { Demand, Refusal } from '../contract.ts';
import type { Keys } from './keys.ts';

export interface Spelt {
  readonly keys: readonly string[];
  readonly args: readonly (string | number)[];
}

/** A reservation in Redis: who made it, and in which epoch. */
export interface Made {
  readonly demand: Demand;
  readonly process: string;
  readonly epoch: string;
  /** For the ledger. */
  readonly entry?: string;
}

/** What came of a reservation that was asked for. `lost`: nobody knows whether it was made. `over`: in another epoch it may be. */
export type Asked = { readonly ok: true; readonly waitMs: number } | Refusal | 'lost' | 'over';

/** `unsure`: whether it was made, or is settled already; `once`: others may settle it too. */
export type How = 'sure' | 'unsure' | 'once';

export interface Settling {
  readonly used: readonly number[];
  readonly nanoUsd: number;
  readonly how: How;
}

/** Whether the reservation is kept by name, as `reserve.lua` does for what somebody must give back. */
export const isKept = ({ slots, charges }: Demand): boolean => slots.length + charges.length > 0;

export function spellReserving(names: Keys, demand: Demand): Spelt {
  const { takes, slots, charges } = demand;
  const args: (string | number)[] = [demand.id, demand.note?.() ?? '', demand.maxWaitMs];
  args.push(takes.length, slots.length, charges.length);
  for (const { bucket, amount, floor, mayWait } of takes)
    args.push(bucket.limit, bucket.periodMs, bucket.burst, amount, floor, mayWait ? 1 : 0);
  for (const { limit, amount } of slots) args.push(limit, amount);
  for (const { capNanoUsd, nanoUsd, expiresAtMs } of charges)
    args.push(capNanoUsd === Number.POSITIVE_INFINITY ? -1 : capNanoUsd, nanoUsd, expiresAtMs);
  return { keys: keysOf(names, demand), args };
}

/** `epoch`: the one that this process knows. */
export function spellSettling(
  names: Keys,
  { demand, process, entry }: Made,
  { used, nanoUsd, how }: Settling,
  epoch: string,
): Spelt {
  const { takes, slots, charges } = demand;
  const args: (string | number)[] = [process, demand.id, how];
  args.push(takes.length, slots.length, charges.length, epoch, entry ?? '');
  for (const [index, { bucket, amount }] of takes.entries())
    args.push(bucket.limit, bucket.periodMs, bucket.burst, amount - (used[index] ?? amount));
  for (const { amount } of slots) args.push(amount);
  for (const charge of charges) args.push(charge.nanoUsd, nanoUsd, charge.expiresAtMs);
  return { keys: keysOf(names, demand), args };
}

function keysOf(names: Keys, { takes, slots, charges }: Demand): string[] {
  return [
    ...takes.map(({ bucket }) => names.bucket(bucket.key)),
    ...slots.map(({ key }) => names.slot(key)),
    ...charges.map(({ key }) => names.budget(key)),
  ];
}

export function readRefusal(demand: Demand, code: number, waitMs: number, index: number): Refusal {
  const at = index - 1;
  switch (code) {
    case 2: {
      const key = demand.takes[at]?.bucket.key ?? '';
      return { ok: false, kind: 'room', key, waitMs: waitMs < 0 ? Number.POSITIVE_INFINITY : waitMs };
    }
    case 3:
      return { ok: false, kind: 'busy', key: demand.slots[at]?.key ?? '' };
    default:
      return { ok: false, kind: 'budget', key: demand.charges[at]?.key ?? '', pending: code === 5 };
  }
}
