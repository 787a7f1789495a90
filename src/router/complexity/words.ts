/**
 * Words that say something of a request's kind. They are English: in other languages the scorers go by length, numbers, signs and lines, and
 * a trained one by what it has seen on its route.
 */

const split = (text: string): readonly string[] => text.split(/\s+/);

/** Classes of words; a request is measured by how many of each it has. A word may be of several. */
const wordClasses: Readonly<Record<string, readonly string[]>> = {
  reasoning:
    split(`why how prove proof derive explain compare analyze analyse evaluate design optimize optimise refactor debug infer deduce
    conclude therefore because implies hence assume suppose given calculate compute solve determine plan strategy argue`),
  constraints:
    split(`must only exactly least except without unless never always not both neither either should ensure cannot avoid instead
    following true false any all none`),
  relations:
    split(`if then each every per than twice half times total left remaining more less after before when while until since although
    but however thirds quarter`),
  people: split('he she his her him they their them i you we my your our'),
  questions: split('what who whom when where why how which whose'),
};

export const classNames: readonly string[] = Object.keys(wordClasses);

/** FNV-1a over the letters as they come, one at a time. */
export const hashStart = 0x811c9dc5;

export function hashStep(hash: number, code: number): number {
  return Math.imul(hash ^ code, 0x01000193);
}

/** FNV alone leaves its low bits too alike to choose a bucket by. */
export function mix(hash: number): number {
  const half = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return half ^ (half >>> 13);
}

export function hashWord(word: string): number {
  let hash = hashStart;
  for (let at = 0; at < word.length; at++) hash = hashStep(hash, word.charCodeAt(at));
  return hash | 0;
}

/** Far more slots than words, so that a look-up is nearly always one step. */
const slots = 1024;

/** Of which classes a word is, by its hash: a bit each. A table by hand, since a Map would cost as much as all the rest of the reading. */
export class Lexicon {
  readonly #hashes = new Int32Array(slots);
  readonly #classes = new Uint8Array(slots);

  constructor() {
    for (const [bit, name] of classNames.entries())
      for (const word of wordClasses[name] ?? []) {
        const slot = this.#place(hashWord(word));
        this.#classes[slot] = (this.#classes[slot] ?? 0) | (1 << bit);
      }
  }

  #place(hash: number): number {
    let slot = mix(hash) & (slots - 1);
    while (this.#hashes[slot] !== 0 && this.#hashes[slot] !== hash) slot = (slot + 1) & (slots - 1);
    this.#hashes[slot] = hash;
    return slot;
  }

  /** 0: of none. */
  classesOf(hash: number): number {
    let slot = mix(hash) & (slots - 1);
    for (;;) {
      const held = this.#hashes[slot];
      if (held === hash) return this.#classes[slot] ?? 0;
      if (held === 0 || held === undefined) return 0;
      slot = (slot + 1) & (slots - 1);
    }
  }
}
