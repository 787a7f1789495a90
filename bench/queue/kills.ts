/**
 * A gateway that is killed with SIGKILL again and again, at named places and at any time, while requests of three lanes come over HTTP and are
 * called: each that was accepted has one answer, its own, and none is paid twice but for calls of which the ledger says that nobody can know.
 */
import { priorities } from '../../src/core/facts.ts';
import type { LedgerEntry, Stores } from '../../src/stores/contract.ts';
import type { Break } from '../crash/breaking.ts';
import { type Mortal, startMortal } from '../crash/mortal.ts';
import type { Program } from '../fleet/program.ts';
import { type Ask, faultOf, keep, openScene, pause, writeScene } from './scene.ts';

const provider = 'killed';

export const places = [
  'queue: after the claim',
  'queue: before the intent',
  'queue: after the intent',
  'queue: after the call',
  'queue: before the answer',
  'queue: after the answer',
  'queue: after the books',
  'queue: before the release',
  'queue: after the release',
] as const;

const callers = 8;
/** A place that is not passed by then is not waited for. */
const longestLifeMs = 4_000;
const longestMs = 420_000;
const longestFillMs = 120_000;

export interface KillOptions {
  readonly folder: string;
  readonly simulator: Program;
  readonly kills: number;
  /** So many are kept waiting, so that every kill meets some. */
  readonly outstanding: number;
  readonly print: (line: string) => void;
  readonly random: () => number;
}

export interface KillFigures {
  readonly kills: number;
  readonly places: number;
  readonly kept: number;
  readonly problems: readonly string[];
  readonly paidAgain: number;
  readonly unknown: number;
}

export async function killAgainAndAgain(options: KillOptions): Promise<KillFigures> {
  const yaml = `waiting: { workers: 24, lanes: { normal: 1s, low: 3s } }\nbatch: { lease: 2s, blobs: "${options.folder}/blobs" }`;
  const scene = writeScene({ ...options, provider, yaml });
  const stores = await openScene(scene);
  try {
    const run = new Run(options, stores, (at) => startMortal(scene.configFile, scene.storeFile, at));
    await run.play();
    return await run.audit();
  } finally {
    await stores.close();
  }
}

class Run {
  readonly #options: KillOptions;
  readonly #stores: Stores;
  readonly #start: (at?: Break) => Promise<Mortal>;
  readonly #kept = new Map<string, Ask>();
  /** What an answer was when it was first seen. */
  readonly #seen = new Map<string, string>();
  readonly #problems: string[] = [];
  readonly #broken = new Set<string>();
  #kills = 0;
  #asked = 0;
  #url: string | undefined;
  #producing = true;

  constructor(options: KillOptions, stores: Stores, start: (at?: Break) => Promise<Mortal>) {
    this.#options = options;
    this.#stores = stores;
    this.#start = start;
  }

  async play(): Promise<void> {
    const { kills, print } = this.#options;
    const end = performance.now() + longestMs;
    const producing = Promise.all(Array.from({ length: callers }, () => this.#produce()));
    await this.#fill();
    while (this.#kills < kills && performance.now() < end) {
      const where = await this.#live();
      if (this.#kills % 10 === 0)
        print(`  ${this.#kills} kills, ${this.#kept.size} requests kept; the last ${where}`);
      await this.#look();
    }
    if (this.#kills < kills) this.#problems.push(`only ${this.#kills} kills in ${longestMs} ms`);
    const last = await this.#start();
    this.#url = last.url;
    this.#producing = false;
    await producing;
    // Those too that a dead process holds: they wait for the end of its lease.
    for (let open = await this.#unended(); open > 0; open = await this.#unended()) {
      if (performance.now() > end + 120_000) {
        this.#problems.push(`${open} requests have not ended`);
        break;
      }
      await pause(200);
    }
    await this.#compareOverHttp(last.url ?? '');
    await last.stop();
  }

  /** The first life: so many are kept that the kills meet thousands. */
  async #fill(): Promise<void> {
    const mortal = await this.#start();
    this.#url = mortal.url;
    const end = performance.now() + longestFillMs;
    while (this.#kept.size < this.#options.outstanding && performance.now() < end) await pause(100);
    await mortal.kill();
    this.#url = undefined;
    this.#kills += 1;
  }

  /** One life, ended at a place or at any time. */
  async #live(): Promise<string> {
    const { random } = this.#options;
    // Every third at any time; the others at one place after another.
    const named = Math.floor(this.#kills / 3) * 2 + (this.#kills % 3);
    const place = this.#kills % 3 === 2 ? undefined : places[named % places.length];
    const mortal = await this.#start(
      place === undefined ? undefined : { place, passing: 1 + Math.floor(random() * 40) },
    );
    this.#url = mortal.url;
    const lifeMs = place === undefined ? 50 + random() * 1_500 : longestLifeMs;
    const end = performance.now() + lifeMs;
    while (!mortal.dead && performance.now() < end) await pause(20);
    const itself = mortal.dead;
    if (itself && !mortal.killed) this.#problems.push(`a gateway ended by itself: ${mortal.complaint()}`);
    if (!mortal.dead) await mortal.kill();
    this.#url = undefined;
    this.#kills += 1;
    if (itself && place !== undefined) this.#broken.add(place);
    return itself ? `at "${place}"` : 'at no place';
  }

  async #produce(): Promise<void> {
    while (this.#producing) {
      if ((await this.#open()) >= this.#options.outstanding) {
        await pause(30);
        continue;
      }
      const ask: Ask = {
        note: `k${this.#asked++}`,
        priority: priorities[this.#asked % priorities.length] ?? 'normal',
      };
      let id: string | undefined;
      // Until it is told that it is kept; by then it may have been kept long ago.
      while (id === undefined) {
        const url = this.#url;
        if (url !== undefined) id = await keep(url, ask);
        if (id === undefined) await pause(40);
      }
      if (this.#kept.has(id)) this.#problems.push(`${ask.note} has the id of another`);
      this.#kept.set(id, ask);
    }
  }

  async #open(): Promise<number> {
    let open = 0;
    for (const { waiting } of await this.#stores.queue.depths()) open += waiting;
    return open;
  }

  async #unended(): Promise<number> {
    let open = 0;
    for (const id of this.#kept.keys())
      if ((await this.#stores.queue.get('', id))?.endedAtMs === undefined) open += 1;
    return open;
  }

  /** What has ended stays as it is. */
  async #look(): Promise<void> {
    for (const [id, ask] of this.#kept) {
      const request = await this.#stores.queue.get('', id);
      if (request === undefined) {
        this.#problems.push(`${ask.note} was accepted and is gone`);
        continue;
      }
      if (request.endedAtMs === undefined) continue;
      const now = `${request.endedAtMs} ${request.state} ${request.answer?.body}`;
      const before = this.#seen.get(id);
      if (before === undefined) this.#seen.set(id, now);
      else if (before !== now) this.#problems.push(`${ask.note} was answered twice`);
    }
  }

  /** Some of them as their callers see them. */
  async #compareOverHttp(url: string): Promise<void> {
    for (const [id, ask] of [...this.#kept].slice(-50)) {
      const response = await fetch(`${url}/v1/requests/${id}`);
      const text = await response.text();
      if (response.status !== 200 || !text.includes(`say ${ask.note}.`))
        this.#problems.push(`${ask.note} is answered ${response.status} over HTTP: ${text.slice(0, 200)}`);
    }
  }

  async audit(): Promise<KillFigures> {
    await this.#look();
    const paid = await this.#paid();
    const entries = Map.groupBy(
      await this.#stores.ledger.list({}, 1_000_000),
      ({ requestId }) => requestId.split(':')[0] ?? '',
    );
    let [paidAgain, unknown] = [0, 0];
    for (const [id, ask] of this.#kept) {
      const request = await this.#stores.queue.get('', id);
      const fault = request === undefined ? undefined : faultOf(ask, request);
      if (fault !== undefined) this.#problems.push(fault);
      const found = auditMoney(ask, paid.get(ask.note) ?? 0, entries.get(id) ?? []);
      this.#problems.push(...found.problems);
      paidAgain += found.again;
      unknown += found.unknown;
    }
    return {
      kills: this.#kills,
      places: this.#broken.size,
      kept: this.#kept.size,
      problems: this.#problems,
      paidAgain,
      unknown,
    };
  }

  async #paid(): Promise<ReadonlyMap<string, number>> {
    const response = await fetch(`${this.#options.simulator.url}/~simulator/invoice?format=jsonl`);
    const paid = new Map<string, number>();
    for (const line of (await response.text()).split('\n')) {
      if (line === '') continue;
      const { note }: { note?: string } = JSON.parse(line);
      if (note !== undefined) paid.set(note, (paid.get(note) ?? 0) + 1);
    }
    return paid;
  }
}

function auditMoney({ note }: Ask, paid: number, entries: readonly LedgerEntry[]) {
  const problems: string[] = [];
  const unknown = entries.filter(({ outcome }) => outcome === 'unknown').length;
  if (paid < 1) problems.push(`${note} was answered and not paid`);
  if (paid > 1 + unknown)
    problems.push(`${note} was paid ${paid} times, and ${unknown} of them are declared`);
  const told = entries.filter(({ costNanoUsd }) => costNanoUsd > 0).length;
  if (told < paid) problems.push(`${note} was paid ${paid} times, and ${told} of them are in the ledger`);
  return { problems, again: Math.max(0, paid - 1), unknown };
}
