/**
 * The latest decisions, for whoever asks why a request went where it went: a ring in memory, bounded by count and by bytes.
 *
 * It lies on the hot path, so a record holds references to what the request made anyway, and nothing is put into words before somebody
 * asks. It holds no word of a request and no header: sizes, needs, tags and the terms it was asked on.
 */
import type { Facts, Priority } from '../core/facts.ts';
import type { AttemptRecord } from './contract.ts';
import type { Decision } from './decide.ts';

/** What a walk was led by. */
export interface Decided {
  readonly first: Decision;
  /** Of the last round, when health had changed; the same object where there was one round. */
  readonly last: Decision;
  readonly rounds: number;
}

/** What a feature has to say of a request, under its own name: `cascade`, `cache`, `mode`. Small JSON values. */
export type Notes = Readonly<Record<string, unknown>>;

export interface DecisionRecord {
  /** Of the request. */
  readonly id: string;
  readonly atMs: number;
  readonly durationMs: number;
  readonly dialect: string;
  readonly key: string | undefined;
  /** Of the config that decided. */
  readonly policyVersion: number;
  /** '' where it did not get as far. */
  readonly route: string;
  /** Absent where the request could not be read. */
  readonly asked: Asked | undefined;
  readonly decided: Decided | undefined;
  readonly tried: readonly AttemptRecord[];
  readonly outcome: string;
  readonly code: string | undefined;
  readonly status: number;
  readonly notes: Notes | undefined;
}

/** On what a request was decided, beside the world. */
export interface Asked {
  readonly facts: Facts;
  readonly tags: readonly string[];
  readonly priority: Priority;
  readonly budgetMs?: number;
}

export interface DecisionFilter {
  readonly route?: string;
  readonly outcome?: string;
}

/** What is asked of the decisions of several processes: one of them, or the latest. */
export interface DecisionQuery extends DecisionFilter {
  readonly id?: string;
  readonly limit: number;
}

export interface DecisionBounds {
  readonly most: number;
  readonly mostBytes: number;
}

export const usualBounds: DecisionBounds = { most: 10_000, mostBytes: 64_000_000 };

/** A record keeps the targets of its config alive. Configs before these are forgotten with what they decided. */
const mostPolicies = 8;

export class Decisions {
  readonly #bounds: DecisionBounds;
  readonly #ring: (DecisionRecord | undefined)[] = [];
  /** Of the oldest. */
  #start = 0;
  #count = 0;
  #bytes = 0;
  /** Versions of the policies that records were made under, oldest first. */
  #policies: number[] = [];

  constructor(bounds: DecisionBounds = usualBounds) {
    this.#bounds = bounds;
  }

  get size(): number {
    return this.#count;
  }

  /** As estimated. */
  get bytes(): number {
    return this.#bytes;
  }

  add(record: DecisionRecord): void {
    const { most, mostBytes } = this.#bounds;
    if (most === 0) return;
    if (this.#policies.at(-1) !== record.policyVersion) this.#newPolicy(record.policyVersion);
    if (this.#count === most) this.#forgetOldest();
    this.#ring[(this.#start + this.#count) % most] = record;
    this.#count += 1;
    this.#bytes += sizeOf(record);
    while (this.#bytes > mostBytes && this.#count > 1) this.#forgetOldest();
  }

  find(id: string): DecisionRecord | undefined {
    for (const record of this.#newestFirst()) if (record.id === id) return record;
    return undefined;
  }

  /** Newest first. */
  list({ route, outcome }: DecisionFilter, limit: number): readonly DecisionRecord[] {
    const found: DecisionRecord[] = [];
    for (const record of this.#newestFirst()) {
      if (found.length >= limit) break;
      if (route !== undefined && record.route !== route) continue;
      if (outcome !== undefined && record.outcome !== outcome) continue;
      found.push(record);
    }
    return found;
  }

  *#newestFirst(): Iterable<DecisionRecord> {
    for (let back = this.#count - 1; back >= 0; back--) {
      const record = this.#ring[(this.#start + back) % this.#bounds.most];
      if (record !== undefined) yield record;
    }
  }

  #newPolicy(version: number): void {
    this.#policies.push(version);
    if (this.#policies.length <= mostPolicies) return;
    this.#policies.shift();
    const least = this.#policies[0] ?? version;
    while (this.#count > 0 && (this.#ring[this.#start]?.policyVersion ?? least) < least) this.#forgetOldest();
  }

  #forgetOldest(): void {
    const oldest = this.#ring[this.#start];
    if (oldest !== undefined) this.#bytes -= sizeOf(oldest);
    this.#ring[this.#start] = undefined;
    this.#start = (this.#start + 1) % this.#bounds.most;
    this.#count -= 1;
  }
}

/** Of what a record has to itself: its own fields, the lists of its decision, its attempts, what its caller named. Rough, and the same every time. */
function sizeOf({ asked, decided, tried, notes }: DecisionRecord): number {
  let bytes = 700 + 250 * tried.length;
  if (asked !== undefined) {
    bytes += 2 * asked.facts.model.length;
    for (const tag of asked.tags) bytes += 40 + 2 * tag.length;
  }
  if (decided !== undefined) {
    const { first } = decided;
    bytes += 16 * first.candidates.length + 80 * first.passed.length;
  }
  if (notes !== undefined) bytes += 500;
  return bytes;
}
