/**
 * The arithmetic of a token bucket, in whole numbers throughout, so that JavaScript and Lua cannot differ: a level is counted in
 * parts of a token, `periodMs` of them to one, and a millisecond then refills exactly `limit` parts.
 *
 * Bounds: `limit` x `periodMs` must stay under 2^53, which is 10^8 a day or 10^11 a minute. `reserve.lua` and `settle.lua` say the same
 * again in Lua, and `parity.test.ts` holds the two together.
 */
import type { Bucket } from './contract.ts';

/** In parts; may be negative: debt, and tokens that were promised ahead of their time. */
export interface Level {
  parts: number;
  atMs: number;
}

export function full(bucket: Bucket, nowMs: number): Level {
  return { parts: bucket.burst * bucket.periodMs, atMs: nowMs };
}

/** Brings a level to now. A clock that goes back refills nothing. */
export function refill(level: Level, bucket: Bucket, nowMs: number): void {
  const elapsedMs = nowMs - level.atMs;
  if (elapsedMs > 0) {
    const most = bucket.burst * bucket.periodMs;
    const missing = most - level.parts;
    // Compared before it is multiplied: after a long rest the product would not be exact.
    level.parts =
      elapsedMs >= Math.ceil(missing / bucket.limit) ? most : level.parts + elapsedMs * bucket.limit;
    level.atMs = nowMs;
  }
}

/** How long until `amount` may be taken and `floor` is left; 0: now; Infinity: never. */
export function waitFor(level: Level, bucket: Bucket, amount: number, floor: number): number {
  if (amount + floor > bucket.burst) return Number.POSITIVE_INFINITY;
  const missing = (amount + floor) * bucket.periodMs - level.parts;
  return missing <= 0 ? 0 : Math.ceil(missing / bucket.limit);
}

/** Gives back tokens (or, negative, takes more), never above the burst. */
export function giveBack(level: Level, bucket: Bucket, amount: number): void {
  level.parts = Math.min(bucket.burst * bucket.periodMs, level.parts + amount * bucket.periodMs);
}

/** Whole tokens that are there; what is promised or owed counts as none. */
export function tokens(level: Level, bucket: Bucket): number {
  return Math.max(0, Math.floor(level.parts / bucket.periodMs));
}
