/**
 * Finds items that ask the same, and custom ids that were given twice, among millions of items in memory that is set aside once.
 *
 * A table holds 32 bits of each hash beside the item's `seq`, in open addressing over typed arrays; where a hash is looked for comes from 32
 * other bits of it. So a hit is a **candidate**, to be verified against the stored row, and no hit is proof that there is none.
 *
 * Invariants: `candidates` names every item that was added with that hash, the earliest first, up to `mostAlike`. A table is never filled
 * over `most`, and never more than two thirds full, so that every probe ends. Whoever adds a million equal hashes costs no more than
 * one who adds a million different ones: beyond `mostAlike` they are not kept, since their original is.
 */
import { hash as digest } from 'node:crypto';
import { GatewayError } from '../core/errors.ts';
import type { Item } from './contract.ts';
import { type Draft, reject } from './draft.ts';

/** Five different hashes that share 53 bits and more do not happen; five equal ones are twins of the first. */
const mostAlike = 4;

/** Some chunks of a batch. */
const mostSpreads = 16_384;

const none: readonly number[] = Object.freeze([]);

/** Value of a base64url letter; 0 for what is none. */
const letters = new Uint8Array(128);
for (const [value, letter] of [
  ...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_',
].entries())
  letters[letter.charCodeAt(0)] = value;

/** 32 bits of a hash in base64url, out of the six letters from `at` on. */
function bitsAt(hash: string, at: number): number {
  let bits = 0;
  for (let index = at; index < at + 6; index++) {
    bits = (bits << 6) | (letters[hash.charCodeAt(index) & 0x7f] ?? 0);
  }
  return bits >>> 0;
}

export class Seen {
  readonly most: number;
  readonly #fingerprints: Uint32Array;
  /** 0: the slot is free. */
  readonly #seqs: Uint32Array;
  readonly #mask: number;
  #size = 0;

  /** At most so many different hashes; up to two million take 32 MB. */
  constructor(most: number) {
    if (!Number.isInteger(most) || most < 1 || most > 2 ** 30) {
      throw new RangeError(`A table for ${most} hashes cannot be made: it takes 1 to ${2 ** 30}.`);
    }
    const slots = 2 ** Math.ceil(Math.log2(most * 1.5 + 1));
    this.most = most;
    this.#fingerprints = new Uint32Array(slots);
    this.#seqs = new Uint32Array(slots);
    this.#mask = slots - 1;
  }

  /** How many are kept. */
  get size(): number {
    return this.#size;
  }

  /** `hash`: at least 12 letters of base64url that nobody can choose, such as SHA-256. */
  candidates(hash: string): readonly number[] {
    const fingerprint = bitsAt(hash, 6);
    let found: number[] | undefined;
    for (let slot = bitsAt(hash, 0) & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const seq = this.#seqs[slot] ?? 0;
      if (seq === 0) return found ?? none;
      if (this.#fingerprints[slot] === fingerprint) {
        if (found === undefined) found = [seq];
        else found.push(seq);
      }
    }
  }

  /** `seq` is 1 or more. Throws `RangeError` where `most` are kept already. */
  add(hash: string, seq: number): void {
    const fingerprint = bitsAt(hash, 6);
    let alike = 0;
    let slot = bitsAt(hash, 0) & this.#mask;
    while (this.#seqs[slot] !== 0) {
      if (this.#fingerprints[slot] === fingerprint && ++alike === mostAlike) return;
      slot = (slot + 1) & this.#mask;
    }
    if (this.#size === this.most)
      throw new RangeError(`The table of hashes was made for ${this.most} items.`);
    this.#fingerprints[slot] = fingerprint;
    this.#seqs[slot] = seq;
    this.#size += 1;
  }

  /** Forgets all, and keeps the memory. */
  reset(): void {
    this.#seqs.fill(0);
    this.#size = 0;
  }
}

/** What both tables are filled from; `names()` of the store gives the same after a crash. */
interface Named {
  readonly seq: number;
  readonly customId: string;
  /** '' where the line was rejected: it has no twin. */
  readonly hash: string;
}

/** Both tables that assembling one batch needs. */
export class Twins {
  readonly #hashes: Seen;
  readonly #customIds: Seen;
  /** Of ids that were looked for and not added yet: the hash of each is made once. */
  readonly #spreads = new Map<string, string>();

  constructor(most: number) {
    this.#hashes = new Seen(most);
    this.#customIds = new Seen(most);
  }

  /** Items that may have this very hash. */
  sameHash(hash: string): readonly number[] {
    return hash === '' ? none : this.#hashes.candidates(hash);
  }

  /** Items that may have this very custom id. */
  sameCustomId(customId: string): readonly number[] {
    const spreadId = spread(customId);
    if (this.#spreads.size < mostSpreads) this.#spreads.set(customId, spreadId);
    return this.#customIds.candidates(spreadId);
  }

  /** In order of `seq`, so that the first candidate of equal ones is the original. */
  add(item: Named): void {
    if (item.hash !== '') this.#hashes.add(item.hash, item.seq);
    this.#customIds.add(this.#spreads.get(item.customId) ?? spread(item.customId), item.seq);
    this.#spreads.delete(item.customId);
  }

  reset(): void {
    this.#hashes.reset();
    this.#customIds.reset();
  }
}

/** Callers choose their ids; ones that all fell into one slot would make each look-up as slow as the batch is long. */
function spread(customId: string): string {
  return digest('sha256', customId, 'base64url');
}

/** What is known of an item that came before. */
type Earlier = Pick<Item, 'seq' | 'customId' | 'hash' | 'twinOf'>;

/**
 * Rejects items whose custom id was given before, and makes those that ask what another asks its twins. `earlier` tells, by place in the
 * list, what came before the list and may be the same; `onReject` hears why. A rejected item is nobody's original.
 */
export function markTwins(
  items: readonly Draft[],
  earlier: (index: number) => readonly Earlier[],
  onReject: (item: Draft, error: GatewayError) => void,
): void {
  const byCustomId = new Map<string, Earlier>();
  const byHash = new Map<string, Earlier>();
  items.forEach((item, index) => {
    const alike = earlier(index);
    if (item.customId !== '') {
      const named = byCustomId.get(item.customId) ?? alike.find(({ customId }) => customId === item.customId);
      if (named === undefined) byCustomId.set(item.customId, item);
      else if (item.state !== 'rejected') {
        const error = sameCustomId(named.seq);
        reject(item, error);
        onReject(item, error);
      }
    }
    if (item.state === 'rejected') item.hash = '';
    if (item.hash === '') return;
    const original = byHash.get(item.hash) ?? alike.find(({ hash }) => hash === item.hash);
    if (original === undefined) byHash.set(item.hash, item);
    else if (item.state !== 'done') {
      item.state = 'twin';
      item.twinOf = original.twinOf ?? original.seq;
    }
  });
}

function sameCustomId(line: number): GatewayError {
  return new GatewayError(
    'invalid_request',
    `The custom_id is the same as in line ${line}; each must be unique in a batch.`,
    { param: 'custom_id' },
  );
}
