/**
 * A gateway that is killed with SIGKILL between the steps by which requests become a batch and its results their answers, and started again on the
 * same store: each is answered, with its own answer, is paid once, and its webhook is told once.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { BillLine } from '../bench/crash/bill.ts';
import { type Mortal, startMortal } from '../bench/crash/mortal.ts';
import { type Program, startProgram } from '../bench/fleet/program.ts';

const folder = mkdtempSync(join(tmpdir(), 'intermodal-gather-'));
const longestMs = 90_000;
let simulator: Program;

before(async () => {
  simulator = await startProgram(['simulate', '--port', '0']);
});
after(async () => {
  await simulator.stop();
  rmSync(folder, { recursive: true, force: true });
});

const yaml = (name: string, least: number): string => `
server: { log: error }
providers:
  openai: { type: openai, api_key: sk-test, base_url: "${simulator.url}/~openai/v1" }
routes:
  cheap: { chain: [openai/gpt-4.1-nano] }
waiting: { batch_items: 6, batch_age: 400ms, least_items: ${least} }
batch: { blobs: ${JSON.stringify(join(folder, `${name}-blobs`))}, poll: [50ms], retry: [10ms], look_again: 1s, lease: 2s, webhooks: { allow_private: true } }
`;

const chat = z.object({ choices: z.tuple([z.object({ message: z.object({ content: z.string() }) })]) });
const count = z.object({ count: z.number() });

/** Lives of one gateway, each ended where the list says next, the last not at all. */
class Lives {
  readonly #start: (place: string | undefined) => Promise<Mortal>;
  readonly #places: string[];
  #mortal: Mortal | undefined;
  readonly died: string[] = [];
  #next: string | undefined;

  constructor(places: readonly string[], configFile: string, store: string) {
    this.#places = [...places];
    this.#start = (place) =>
      startMortal(configFile, store, place === undefined ? undefined : { place, passing: 1 });
  }

  async url(): Promise<string> {
    // Ends: each death uses up a place, and without one nobody dies.
    for (;;) {
      const { url, dead = true } = this.#mortal ?? {};
      if (!dead && url !== undefined) return url;
      if (this.#mortal !== undefined) {
        assert.ok(this.#mortal.killed && this.#next !== undefined, this.#mortal.complaint());
        this.died.push(this.#next);
      }
      this.#next = this.#places.shift();
      this.#mortal = await this.#start(this.#next);
    }
  }

  /** As callers do: once more where the connection broke. */
  async ask(path: string, init: RequestInit = {}): Promise<{ status: number; text: string }> {
    const latest = performance.now() + longestMs;
    for (;;) {
      const url = await this.url();
      try {
        const response = await fetch(`${url}${path}`, init);
        return { status: response.status, text: await response.text() };
      } catch (thrown) {
        if (performance.now() > latest) throw thrown;
        await sleep(50);
      }
    }
  }

  async stop(): Promise<void> {
    await this.#mortal?.stop();
  }
}

async function play(name: string, requests: number, least: number, places: readonly string[]): Promise<void> {
  const configFile = join(folder, `${name}.yaml`);
  const store = join(folder, `${name}.db`);
  writeFileSync(configFile, yaml(name, least));
  const lives = new Lives(places, configFile, store);
  try {
    const ids: string[] = [];
    for (let index = 0; index < requests; index++) {
      const content = `[[echo]] [[note:${name}-${index}]] number ${index}`;
      const { status, text } = await lives.ask('/v1/chat/completions', {
        method: 'POST',
        headers: {
          prefer: 'respond-async',
          'idempotency-key': `${name}-${index}`,
          // Nobody listens there: that there is a message to be sent is what counts.
          'x-intermodal-webhook': 'http://127.0.0.1:9/',
        },
        body: JSON.stringify({ model: 'cheap', max_tokens: 50, messages: [{ role: 'user', content }] }),
      });
      assert.equal(status, 202, text);
      ids.push(z.object({ id: z.string() }).parse(JSON.parse(text)).id);
    }
    assert.equal(new Set(ids).size, requests);
    for (const [index, id] of ids.entries()) {
      const { status, text } = await answered(lives, id);
      assert.equal(status, 200, text);
      const { content } = chat.parse(JSON.parse(text)).choices[0].message;
      assert.ok(content.endsWith(` number ${index}`), content);
    }
    const database = new DatabaseSync(store, { readOnly: true });
    const latest = performance.now() + longestMs;
    const told = (): number =>
      count.parse(
        database
          .prepare(`select count(*) as count from intermodal_delivery where id like 'evt_areq_%'`)
          .get(),
      ).count;
    while (told() < requests && performance.now() < latest) {
      await lives.url();
      await sleep(50);
    }
    assert.equal(told(), requests);
    database.close();
    assert.deepEqual(lives.died, places, 'a place was not passed');
    const bill = await billOf(name);
    assert.equal(bill.length, requests, `paid ${bill.length} times for ${requests} requests`);
    assert.equal(new Set(bill).size, requests);
  } finally {
    await lives.stop();
  }
}

async function answered(lives: Lives, id: string): Promise<{ status: number; text: string }> {
  const latest = performance.now() + longestMs;
  for (;;) {
    const answer = await lives.ask(`/v1/requests/${id}`);
    if (answer.status !== 202 || performance.now() > latest) return answer;
    await sleep(40);
  }
}

async function billOf(name: string): Promise<readonly string[]> {
  const response = await fetch(`${simulator.url}/~simulator/invoice?format=jsonl`);
  return (await response.text())
    .split('\n')
    .filter((line) => line !== '')
    .map((line): BillLine => JSON.parse(line))
    .flatMap(({ note }) => (note?.startsWith(`${name}-`) ? [note] : []));
}

describe('gathering that is killed', () => {
  test('on the way to a batch goes on with the batch that it had begun', () =>
    play('way', 6, 2, [
      'gather: before the intent',
      'gather: after the intent',
      'input: after the blob',
      'create: before the row',
      'create: after the row',
      'gather: after the batch',
      'gather: after the outcome',
    ]));

  test('on the way back settles each request once', () =>
    play('back', 6, 2, ['settle: before the rows', 'settle: after the rows']));

  test('before it passes on what is too little passes it on', () =>
    play('few', 1, 2, ['gather: before the queue']));
});
