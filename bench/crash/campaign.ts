/**
 * Batches of one adapter, one after another, on one store: each is broken off where its round says, taken up by the next process, and compared with
 * what was submitted once it has ended.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Batch } from '../../src/batch/contract.ts';
import type { Stores } from '../../src/stores/contract.ts';
import { openStores } from '../../src/stores/open.ts';
import { type BatchView, look, results } from '../road/caller.ts';
import { type Adapter, batchSection, slowMs, yamlOf } from './adapters.ts';
import type { Break } from './breaking.ts';
import { linesOf, wayOf } from './lines.ts';
import { type Mortal, startMortal } from './mortal.ts';

/**
 * `whole`: left alone. `waves`: left alone too, in two waves. `cancel`: cancelled by its caller while a provider has it. `turn`: its deadline comes so near that its items are asked one
 * by one. `expire`: its deadline passes.
 */
export type Variant = 'whole' | 'waves' | 'cancel' | 'turn' | 'expire';

export interface Round {
  readonly variant: Variant;
  /** The second is where the next process breaks off, and so on. */
  readonly breaks: readonly Break[];
}

export interface Played {
  readonly round: Round;
  readonly batch: Batch;
  /** Begins every note on the bill. */
  readonly token: string;
  readonly kills: readonly Break[];
  readonly problems: readonly string[];
  readonly passed: Readonly<Record<string, number>>;
  readonly ms: number;
}

export interface CampaignOptions {
  readonly adapter: Adapter;
  /** Tells campaigns of one adapter apart. */
  readonly name: string;
  readonly folder: string;
  readonly simulatorUrl: string;
  readonly webhook?: string;
}

const routeOf = { whole: 'fast', waves: 'waves', cancel: 'slow', turn: 'slow', expire: 'slow' } as const;

/** A batch that has not ended by then never will; a busy machine is slow. */
const longestMs = 120_000;
/** Less than what the gateway keeps of a day for calls one by one: it turns to them, and has time for them. */
const marginMs = 600_000;
const endedStates: readonly Batch['state'][] = ['completed', 'failed', 'cancelled', 'expired'];

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export class Campaign {
  readonly #options: CampaignOptions;
  readonly #configFile: string;
  readonly #storeFile: string;
  readonly stores: Stores;
  #mortal: Mortal | undefined;
  #next = 0;

  private constructor(options: CampaignOptions, configFile: string, storeFile: string, stores: Stores) {
    this.#options = options;
    this.#configFile = configFile;
    this.#storeFile = storeFile;
    this.stores = stores;
  }

  static async open(options: CampaignOptions): Promise<Campaign> {
    const folder = join(options.folder, options.name);
    mkdirSync(folder, { recursive: true });
    const configFile = join(folder, 'config.yaml');
    const storeFile = join(folder, 'store.db');
    const yaml = yamlOf(options.adapter).replaceAll('${SIMULATOR_URL}', options.simulatorUrl);
    writeFileSync(configFile, `${yaml}batch: ${JSON.stringify(batchSection(join(folder, 'blobs')))}\n`);
    return new Campaign(options, configFile, storeFile, await openStores(storeFile));
  }

  async play(round: Round): Promise<Played> {
    const { adapter, name, webhook } = this.#options;
    const began = performance.now();
    const token = `${name}-${this.#next++}`;
    const life = new Life(
      round.breaks,
      (at) => startMortal(this.#configFile, this.#storeFile, at),
      this.#mortal,
    );
    const problems: string[] = [];
    await life.begin();
    const lines = linesOf(token, adapter.items, routeOf[round.variant]);
    const fileId = await life.ask((url) =>
      sendFile(url, lines.map((line) => JSON.stringify(line)).join('\n')),
    );
    const view = await life.ask((url) => createBatch(url, fileId, token, webhook));
    const changed = new Set<string>();
    const end = performance.now() + longestMs;
    let batch = await this.#row(view.id);
    while (!endedStates.includes(batch.state)) {
      await life.revive();
      await this.#meddle(round, batch, life, changed);
      if (performance.now() > end) {
        problems.push(`it is ${batch.state} after ${longestMs} ms: ${JSON.stringify(batch.counts)}`);
        break;
      }
      await pause(40);
      batch = await this.#row(view.id);
    }
    const passed = await life.passed();
    await life.disarm();
    problems.push(...(await life.ask((url) => compare(url, view.id, lines))));
    this.#mortal = life.mortal;
    return { round, batch, token, kills: life.kills, problems, passed, ms: performance.now() - began };
  }

  async #row(id: string): Promise<Batch> {
    const batch = await this.stores.batch.batches.get('', id);
    if (batch === undefined) throw new Error(`${id} was accepted and is gone.`);
    return batch;
  }

  /** What a caller, or time, does to the batch on its way. */
  async #meddle(round: Round, batch: Batch, life: Life, changed: Set<string>): Promise<void> {
    const { rows, lists } = { rows: this.stores.batch, lists: this.#options.adapter.lists };
    const held = (await rows.submissions.ofBatch(batch.no)).filter(({ state }) =>
      ['sending', 'open'].includes(state),
    );
    // Where nobody can be asked what became of a submission, only time can tell: it is made to pass.
    if (
      !lists &&
      !changed.has('turn') &&
      held.some(({ state }) => state === 'sending') &&
      life.kills.length > 0
    ) {
      changed.add('turn');
      await this.#deadline(batch, marginMs);
    }
    // In the middle, so that some items are done by then and some are not.
    const middle = held.some(({ sentAtMs }) => Date.now() - (sentAtMs ?? 0) > slowMs / 3);
    if (!middle || batch.state !== 'running') return;
    if (round.variant === 'cancel') {
      if (held.every(({ state }) => state === 'sending')) return;
      await life.ask((url) => cancel(url, batch.id));
    } else if (round.variant === 'turn' || round.variant === 'expire') {
      if (changed.has(round.variant)) return;
      changed.add(round.variant);
      await this.#deadline(batch, round.variant === 'turn' ? marginMs : 0);
    }
  }

  /** Callers name windows of a minute at least, which a proof has not. */
  async #deadline(batch: Batch, fromNowMs: number): Promise<void> {
    const nowMs = Date.now();
    await this.stores.batch.batches.patch(batch.no, { deadlineAtMs: nowMs + fromNowMs });
    await this.stores.batch.batches.wake(batch.no, nowMs);
  }

  async close(): Promise<void> {
    await this.#mortal?.stop();
    await this.stores.close();
  }
}

/** The processes of a round: when one has died the next is started, to break off where the round says next. */
class Life {
  readonly #breaks: Break[];
  readonly #start: (at?: Break) => Promise<Mortal>;
  #mortal: Mortal | undefined;
  #armed: Break | undefined;
  readonly kills: Break[] = [];

  constructor(breaks: readonly Break[], start: (at?: Break) => Promise<Mortal>, mortal: Mortal | undefined) {
    this.#breaks = [...breaks];
    this.#start = start;
    this.#mortal = mortal;
  }

  get mortal(): Mortal | undefined {
    return this.#mortal;
  }

  async begin(): Promise<void> {
    this.#armed = this.#breaks.shift();
    if (this.#mortal === undefined || this.#mortal.dead) this.#mortal = await this.#start(this.#armed);
    else await this.#mortal.arm(this.#armed);
  }

  /** A gateway that lives and has an address. */
  async revive(): Promise<string> {
    // Ends: every death uses up a break, and without one nobody dies.
    for (;;) {
      const url = this.#mortal?.url;
      if (this.#mortal !== undefined && !this.#mortal.dead && url !== undefined) return url;
      if (this.#mortal !== undefined) {
        if (!this.#mortal.killed || this.#armed === undefined)
          throw new Error(`The gateway died by itself: ${this.#mortal.complaint()}`);
        this.kills.push(this.#armed);
      }
      this.#armed = this.#breaks.shift();
      this.#mortal = await this.#start(this.#armed);
    }
  }

  /** As callers do: once more where the connection broke. */
  async ask<T>(call: (url: string) => Promise<T>): Promise<T> {
    for (let tries = 0; ; tries++) {
      const url = await this.revive();
      try {
        return await call(url);
      } catch (thrown) {
        await pause(50);
        if (this.#mortal?.dead !== true && tries >= 5) throw thrown;
      }
    }
  }

  async passed(): Promise<Readonly<Record<string, number>>> {
    return (await this.#mortal?.passed()) ?? {};
  }

  async disarm(): Promise<void> {
    await this.revive();
    await this.#mortal?.arm();
    await this.revive();
    this.#armed = undefined;
  }
}

async function sendFile(url: string, text: string): Promise<string> {
  const form = new FormData();
  form.set('purpose', 'batch');
  form.set('file', new Blob([text]), 'items.jsonl');
  const response = await fetch(`${url}/v1/files`, { method: 'POST', body: form });
  if (!response.ok) throw new Error(`upload: ${await response.text()}`);
  return Object(await response.json()).id;
}

/** The same key each time: a caller that saw no answer must be able to ask again. */
async function createBatch(
  url: string,
  fileId: string,
  key: string,
  webhook: string | undefined,
): Promise<BatchView> {
  const response = await fetch(`${url}/v1/batches`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': key },
    body: JSON.stringify({
      input_file_id: fileId,
      endpoint: '/v1/chat/completions',
      completion_window: '24h',
      metadata: { token: key },
      ...(webhook === undefined ? {} : { webhook: { url: webhook } }),
    }),
  });
  if (!response.ok) throw new Error(`create: ${await response.text()}`);
  return Object(await response.json());
}

async function cancel(url: string, id: string): Promise<void> {
  const response = await fetch(`${url}/v1/batches/${id}/cancel`, { method: 'POST' });
  if (!response.ok && response.status !== 409) throw new Error(`cancel: ${await response.text()}`);
}

/** Exactly one result for every line that was submitted, and for no other. */
async function compare(
  url: string,
  id: string,
  lines: readonly { readonly custom_id: string }[],
): Promise<readonly string[]> {
  const problems: string[] = [];
  const view = await look(url, id);
  const seen = new Map<string, number>();
  for (const file of [view.output_file_id, view.error_file_id])
    for await (const line of results(url, file)) {
      seen.set(line.custom_id, (seen.get(line.custom_id) ?? 0) + 1);
      const way = wayOf(line.custom_id);
      const text = JSON.stringify(line.response?.body ?? '');
      if (line.response?.status_code === 200 && !text.includes(way.answer))
        problems.push(`${line.custom_id} has the answer of another: ${text.slice(0, 200)}`);
    }
  for (const { custom_id: customId } of lines) {
    const times = seen.get(customId) ?? 0;
    if (times !== 1) problems.push(`${customId} has ${times} results`);
    seen.delete(customId);
  }
  for (const customId of seen.keys()) problems.push(`${customId} was never submitted`);
  return problems.length > 5 ? [...problems.slice(0, 5), `and ${problems.length - 5} more`] : problems;
}
