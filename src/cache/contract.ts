/**
 * Answers of providers, kept to be given again to the very same request. Two implementations, one in process and one on Redis; the
 * suite in `cache.test.ts` runs over both.
 *
 * What is kept is what the provider sent, byte for byte: whoever gives it again reads it as it was read the first time. A cache may
 * forget anything at any time and may be out of reach; then nothing is found, and nobody waits or fails for it.
 */

export interface Kept {
  /** How it came: one JSON body, or a stream in its provider's framing. */
  readonly form: 'whole' | 'stream';
  readonly bytes: Uint8Array;
  /** When it was kept. */
  readonly atMs: number;
  /** The version of the model that the provider says has answered; '' where it says none. */
  readonly model: string;
}

export interface CacheSize {
  readonly entries: number;
  readonly bytes: number;
}

/** Keys are digests: they hold nothing of a request, and are as long as each other. */
export interface ResponseCache {
  /** Never rejects, and answers within milliseconds. */
  get(key: string): Kept | undefined | Promise<Kept | undefined>;
  /** Not waited for. Takes the place of what was there. False: not kept, since it is too large. */
  put(key: string, kept: Kept, forMs: number): boolean;
  /** What this process holds; nothing where others hold it. */
  size(): CacheSize;
  close(): Promise<void>;
}

/** A larger answer is not kept: generated images and large lists of vectors would push out thousands of others. */
export const mostAnswerBytes = 1024 * 1024;
