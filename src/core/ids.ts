/** Ids that the gateway makes. Sortable by time to the millisecond, unique by 64 random bits. */
import { randomFillSync } from 'node:crypto';

const alphabet = '0123456789abcdefghijklmnopqrstuvwxyz';

/** One system call fills this; 512 ids are cut from it. */
const pool = Buffer.allocUnsafe(4096);
let next = pool.length;

function randomLetters(count: number): string {
  if (next + count > pool.length) {
    randomFillSync(pool);
    next = 0;
  }
  let letters = '';
  for (let index = 0; index < count; index++) letters += alphabet[(pool[next++] ?? 0) % 36];
  return letters;
}

export type MakeId = (prefix: string) => string;

/** `req_` + time + random, such as `req_mi5k2x7q0f3k9w2m8c1d7r`. */
export const makeId: MakeId = (prefix) => `${prefix}${Date.now().toString(36)}${randomLetters(14)}`;
