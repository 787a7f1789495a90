/**
 * The keys that open this gateway. Only their hashes are known; a key is looked up by the hash of all of it, so that how long
 * the look-up takes says nothing about any key. Changes made by other processes are seen within a quarter of a second.
 */
import { hash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Clock } from '../core/clock.ts';
import { GatewayError } from '../core/errors.ts';
import { matchesPattern } from '../core/pattern.ts';
import { createWindows } from '../limits/window.ts';
import type { LimitSet, Measure, Meter } from '../router/chain/contract.ts';
import type { BudgetRule, Caller } from '../router/contract.ts';
import type { KeyBudgets, KeyLimits, KeyRecord, KeyStore } from '../stores/contract.ts';

/** How late a revocation made elsewhere may be noticed. */
const pollMs = 250;

export interface OpenKey {
  readonly record: KeyRecord;
  readonly caller: Caller;
}

export interface KeyRingOptions {
  readonly store: KeyStore;
  readonly clock: Clock;
  readonly onTrouble: (error: unknown) => void;
}

export class KeyRing {
  readonly #options: KeyRingOptions;
  #byHash: ReadonlyMap<string, OpenKey> = new Map();
  #byName: ReadonlyMap<string, OpenKey> = new Map();
  #inUse = false;
  #version = -1;
  #cancel: () => void = () => {};
  #closed = false;

  constructor(options: KeyRingOptions) {
    this.#options = options;
  }

  /** Reads the keys, and goes on watching for changes. */
  async open(): Promise<void> {
    await this.refresh();
    this.#watch();
  }

  /** Reads the keys again if they have changed. */
  async refresh(): Promise<void> {
    const { store } = this.#options;
    const version = await store.version();
    if (version === this.#version) return;
    const records = await store.list();
    this.#byHash = new Map(
      records.filter(isUsable).map((record) => [record.hash, openKey(record, this.#byHash)]),
    );
    this.#byName = new Map([...this.#byHash.values()].map((key) => [key.record.name, key]));
    this.#inUse = records.length > 0;
    this.#version = version;
  }

  #watch(): void {
    if (this.#closed) return;
    this.#cancel = this.#options.clock.after(pollMs, () => {
      // While the store does not answer, the keys stay as they were: an outage of the store is none of the gateway.
      this.refresh()
        .catch((thrown: unknown) => this.#options.onTrouble(thrown))
        .finally(() => this.#watch());
    });
  }

  close(): void {
    this.#closed = true;
    this.#cancel();
  }

  /**
   * False: nobody has made a key yet, and only this machine may call. Revoking the last key does not bring that back: what calls from this
   * machine may be a proxy that stands for everybody.
   */
  get inUse(): boolean {
    return this.#inUse;
  }

  /** Of the keys themselves. */
  budgets(): readonly BudgetRule[] {
    return [...this.#byHash.values()].flatMap(({ caller }) => caller.budgets);
  }

  /** The live key of a name, for what was begun with it; `undefined` where it was revoked. */
  named(name: string): OpenKey | undefined {
    return this.#byName.get(name);
  }

  /** The key of a request. Throws `invalid_key`. */
  find(headers: IncomingHttpHeaders): OpenKey {
    const presented = readKey(headers);
    if (presented === undefined)
      throw new GatewayError(
        'invalid_key',
        'No key was sent. Send one as "authorization: Bearer KEY" or "x-api-key: KEY".',
      );
    const digest = hash('sha256', presented, 'base64url');
    const found = this.#byHash.get(digest);
    if (found === undefined || !timingSafeEqual(Buffer.from(found.record.hash), Buffer.from(digest)))
      throw new GatewayError('invalid_key', 'The key is not one of this gateway, or it was revoked.');
    const { expiresAtMs } = found.record;
    if (expiresAtMs !== undefined && expiresAtMs <= this.#options.clock.now())
      throw new GatewayError('invalid_key', `The key expired at ${new Date(expiresAtMs).toISOString()}.`);
    return found;
  }
}

export function mayUse({ record }: OpenKey, route: string): boolean {
  return record.routes === undefined || record.routes.some((pattern) => matchesPattern(pattern, route));
}

/** Where the SDKs of OpenAI, Anthropic and Azure put it. */
function readKey(headers: IncomingHttpHeaders): string | undefined {
  const { authorization } = headers;
  if (authorization !== undefined && /^bearer /i.test(authorization)) return authorization.slice(7).trim();
  const other = headers['x-api-key'] ?? headers['api-key'];
  return typeof other === 'string' && other !== '' ? other : undefined;
}

const isUsable = (record: KeyRecord): boolean => record.revokedAtMs === undefined;

/** A key that has not changed keeps its windows. */
function openKey(record: KeyRecord, before: ReadonlyMap<string, OpenKey>): OpenKey {
  const known = before.get(record.hash);
  if (known !== undefined && JSON.stringify(known.record) === JSON.stringify(record)) return known;
  const caller: Caller = {
    key: record.name,
    ...(record.team === undefined ? {} : { team: record.team }),
    limits: limitsOf(record.id, record.limits),
    budgets: budgetsOf(record.name, record.budgets),
  };
  return { record, caller };
}

const minuteMs = 60_000;

const rates: readonly (readonly [keyof KeyLimits, string, Measure, number])[] = [
  ['requestsPerMinute', 'rpm', 'requests', minuteMs],
  ['requestsPerDay', 'rpd', 'requests', 1440 * minuteMs],
  ['inputTokensPerMinute', 'input_tpm', 'input', minuteMs],
  ['outputTokensPerMinute', 'output_tpm', 'output', minuteMs],
];

function limitsOf(id: string, written: KeyLimits): LimitSet {
  const meters = rates.flatMap(([field, word, measure, periodMs]): Meter[] => {
    const limit = written[field];
    if (limit === undefined) return [];
    return [{ bucket: { key: `key:${id} ${word}`, limit, periodMs, burst: limit }, measure, headroom: 1 }];
  });
  const { concurrent } = written;
  return {
    meters,
    places: concurrent === undefined ? [] : [{ key: `key:${id} concurrent`, limit: concurrent }],
  };
}

const periods: readonly (readonly [keyof KeyBudgets, 'day' | 'week' | 'month'])[] = [
  ['dailyNanoUsd', 'day'],
  ['weeklyNanoUsd', 'week'],
  ['monthlyNanoUsd', 'month'],
];

function budgetsOf(name: string, written: KeyBudgets): readonly BudgetRule[] {
  return periods.flatMap(([field, period]): BudgetRule[] => {
    const capNanoUsd = written[field];
    if (capNanoUsd === undefined) return [];
    return [
      {
        // The config may have a budget for the same key; they are two, and both hold.
        name: `key:${name}#own/${period}`,
        scope: 'key',
        of: name,
        period,
        capNanoUsd,
        hard: true,
        alertShares: [0.8, 1],
        window: createWindows(period, 'UTC'),
      },
    ];
  });
}
