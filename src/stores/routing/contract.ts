/** What routing keeps: labels, by which it learns, and the small things that it has learnt or decided. */

/**
 * What came of comparing a cheap answer with a strong one's. Holds no word of the request: `features` are numbers that the words cannot
 * be read back from.
 */
export interface Label {
  /** Of the request; a request has one. */
  readonly id: string;
  readonly route: string;
  readonly atMs: number;
  /** `audit`: the cheap answer was given to the caller, and the strong one made off its path. `escalation`: the strong one was given. */
  readonly kind: 'audit' | 'escalation';
  /** Names of targets. */
  readonly cheap: string;
  readonly strong: string;
  /** As its source gave it, not calibrated; absent where it could not be read. */
  readonly confidence?: number;
  /** The cheap answer says what the strong one says. */
  readonly agreed: boolean;
  readonly cheapNanoUsd: number;
  readonly strongNanoUsd: number;
  /** As `router/complexity` packs them; absent where the request had no text. */
  readonly features?: string;
}

export interface LabelFilter {
  readonly route: string;
  readonly kind?: Label['kind'];
  /** Inclusive. */
  readonly sinceMs?: number;
}

export interface LabelStore {
  /** A label whose id is there already stays as it is. */
  add(labels: readonly Label[]): Promise<void>;
  /** Newest first. */
  list(filter: LabelFilter, limit: number): Promise<readonly Label[]>;
  count(filter: LabelFilter): Promise<number>;
  /** Returns how many. */
  prune(beforeMs: number): Promise<number>;
}

/** A small JSON value by its name, such as `canary/assistant` or `scorer/classify`. */
export interface Note {
  readonly name: string;
  /** Counts up with each write; 1 is the first. */
  readonly version: number;
  readonly value: unknown;
  readonly atMs: number;
}

export interface NoteStore {
  read(name: string): Promise<Note | undefined>;
  /** Those whose names begin so, by name. */
  list(prefix: string): Promise<readonly Note[]>;
  /** False, and nothing is written, where the note's version is not `from` (0: there is none): another has written it meanwhile. */
  write(name: string, value: unknown, from: number, atMs: number): Promise<boolean>;
  remove(name: string): Promise<void>;
}
