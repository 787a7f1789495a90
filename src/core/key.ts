/**
 * The keys by which callers are known: `imk_<id>_<secret>`, or `imk_admin_<id>_<secret>` for one that administers.
 *
 * The id is public: logs and lists show it. The secret is random enough (238 bits) that one fast hash keeps it: there is
 * nothing to guess, so nothing for a slow one to slow down. The prefix lets scanners find a key that leaked, and a person
 * see what it may do; what it really may do is what the store says of its id.
 */
import { hash, randomBytes } from 'node:crypto';

const letters = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const idLength = 12;
const secretLength = 40;
const form = new RegExp(`^imk_(admin_)?([0-9A-Za-z]{${idLength}})_[0-9A-Za-z]{${secretLength}}$`);

export interface MadeKey {
  readonly id: string;
  /** The whole key: shown once, kept nowhere. */
  readonly text: string;
  readonly hash: string;
}

/** As many random bytes as asked for. */
export type RandomBytes = (count: number) => Uint8Array;

export function makeKey(admin: boolean, random: RandomBytes = randomBytes): MadeKey {
  const id = randomText(idLength, random);
  const text = `imk_${admin ? 'admin_' : ''}${id}_${randomText(secretLength, random)}`;
  return { id, text, hash: hashKey(text) };
}

/** SHA-256 of the whole key, base64url: what a store keeps, and by what a gateway finds it. */
export function hashKey(text: string): string {
  return hash('sha256', text, 'base64url');
}

/** The public part of what has the form of a key; `undefined` of all else. Says nothing of whether there is such a key. */
export function parseKey(text: string): { readonly id: string; readonly admin: boolean } | undefined {
  const match = form.exec(text);
  const id = match?.[2];
  return id === undefined ? undefined : { id, admin: match?.[1] !== undefined };
}

/** Bytes of 248 and over are thrown away: with them some letters would come up more often. */
const fairBytes = 248;

/** A byte is fair 97 times of 100, so this many rounds come up short only if the source is broken. */
const maxRounds = 20;

function randomText(length: number, random: RandomBytes): string {
  let text = '';
  for (let round = 0; round < maxRounds; round++) {
    for (const byte of random(length)) {
      if (byte < fairBytes && text.length < length) text += letters[byte % letters.length];
    }
    if (text.length === length) return text;
  }
  throw new Error('The source of randomness gives no usable bytes.');
}
