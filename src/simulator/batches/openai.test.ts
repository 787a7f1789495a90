/** The official SDK against the stand-in for OpenAI's batches: what it accepts is what the real API sends. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import OpenAI, { toFile } from 'openai';
import { type Simulator, startSimulator } from '../server.ts';

type Lines = readonly object[] | string;

const line = (id: string, body: object = {}, more: object = {}): object => ({
  custom_id: id,
  method: 'POST',
  url: '/v1/chat/completions',
  body: { model: 'gpt-4.1-mini', messages: [{ role: 'user', content: `Hello ${id}` }], ...body },
  ...more,
});
const some = (count: number): readonly object[] =>
  Array.from({ length: count }, (_, index) => line(`item-${index}`));

describe('the simulator’s OpenAI batches', () => {
  let simulator: Simulator;
  let openai: OpenAI;
  let azure: OpenAI;

  before(async () => {
    simulator = await startSimulator();
    openai = new OpenAI({ apiKey: 'x', baseURL: `${simulator.url}/v1`, maxRetries: 0 });
    azure = new OpenAI({
      apiKey: 'x',
      baseURL: `${simulator.url}/openai/v1`,
      defaultHeaders: { 'api-key': 'x' },
      maxRetries: 0,
    });
  });
  beforeEach(() => simulator.setFaults({ batches: [{ duration_ms: 0 }] }));
  after(() => simulator.close());

  async function create(lines: Lines, client = openai, more: object = {}) {
    const text = typeof lines === 'string' ? lines : lines.map((one) => JSON.stringify(one)).join('\n');
    let file = await client.files.create({
      file: await toFile(Buffer.from(text), 'in.jsonl'),
      purpose: 'batch',
    });
    while (file.status !== 'processed') file = await client.files.retrieve(file.id);
    return client.batches.create({
      input_file_id: file.id,
      endpoint: '/v1/chat/completions',
      completion_window: '24h',
      ...more,
    });
  }

  async function ended(id: string, client = openai) {
    for (let tries = 0; tries < 2_000; tries++) {
      const batch = await client.batches.retrieve(id);
      if (/^(?:completed|failed|expired|cancelled)$/i.test(batch.status)) return batch;
    }
    return assert.fail('the batch does not end');
  }

  async function linesOf(id: string | null | undefined, client = openai): Promise<readonly string[]> {
    if (typeof id !== 'string') return [];
    const text = await (await client.files.content(id)).text();
    return text.split('\n').filter((one) => one !== '');
  }

  async function run(lines: Lines, client = openai) {
    const batch = await ended((await create(lines, client)).id, client);
    const output = (await linesOf(batch.output_file_id, client)).map((one) => JSON.parse(one));
    const error = (await linesOf(batch.error_file_id, client)).map((one) => JSON.parse(one));
    return { batch, output, error };
  }

  for (const which of ['openai', 'azure'] as const) {
    test(`${which}: answers are what a sync call gets, in another order`, async () => {
      const client = which === 'openai' ? openai : azure;
      const { batch, output, error } = await run(some(50), client);
      assert.equal(batch.request_counts?.completed, 50);
      assert.deepEqual(error, []);
      const ids = output.map((one) => one.custom_id);
      assert.notDeepEqual(
        ids,
        ids.toSorted((a, b) => Number(a.slice(5)) - Number(b.slice(5))),
      );
      assert.equal(new Set(ids).size, 50);
      const seven = output.find((one) => one.custom_id === 'item-7');
      const sync = await client.chat.completions.create({
        model: 'gpt-4.1-mini',
        messages: [{ role: 'user', content: 'Hello item-7' }],
      });
      assert.deepEqual(seven.response.body, JSON.parse(JSON.stringify(sync)));
    });
  }

  test('azure spells every other job with capitals and dates, and has an empty error file', async () => {
    const first = await create(some(1), azure);
    const second = await create(some(1), azure);
    const odd = /^[A-Z]/.test(first.status) ? first : second;
    assert.match(odd.status, /^(?:Validating|InProgress)$/);
    assert.match(String(odd.created_at), /^\d{4}-\d\d-\d\dT/);
    const batch = await ended(odd.id, azure);
    assert.deepEqual(await linesOf(batch.error_file_id, azure), []);
    assert.equal(typeof batch.error_file_id, 'string');
  });

  const wrong: readonly (readonly [string, string, Lines])[] = [
    ['a duplicate id', 'duplicate_custom_id', [line('a'), line('a')]],
    ['two models', 'mismatched_model', [line('a'), line('b', { model: 'gpt-4.1' })]],
    ['another url', 'invalid_url', [line('a', {}, { url: '/v1/embeddings' })]],
    ['a stream', 'invalid_request', [line('a', { stream: true })]],
    ['a broken line', 'invalid_json_line', `${JSON.stringify(line('a'))}\n{"custom_id":`],
    ['a BOM', 'invalid_json_line', `\uFEFF${JSON.stringify(line('a'))}`],
    ['nothing but blank lines', 'empty_file', '\n\n'],
    ['no id', 'missing_required_parameter', [line('')]],
    ['too many lines', 'too_many_tasks', `${JSON.stringify(line('a'))}\n`.repeat(50_001)],
  ];
  for (const [what, code, lines] of wrong)
    test(`${what} fails the whole batch as ${code}`, async () => {
      const { batch, output } = await run(lines);
      assert.equal(batch.status, 'failed');
      assert.ok(batch.errors?.data?.some((one) => one.code === code));
      assert.deepEqual(output, []);
    });

  test('what is wrong with the call itself is told at once', async () => {
    await assert.rejects(create(some(1), openai, { input_file_id: 'file-none' }), { status: 404 });
    await assert.rejects(create(some(1), openai, { endpoint: '/v1/nothing' }), { status: 400 });
    await assert.rejects(create(some(1), openai, { completion_window: '48h' }), { status: 400 });
    const file = await toFile(Buffer.from('{}'), 'in.jsonl');
    const purpose: 'batch' = JSON.parse('"nothing"');
    await assert.rejects(openai.files.create({ file, purpose }), { status: 400 });
    assert.equal((await fetch(`${simulator.url}/v1/batches`)).status, 401);
  });

  test('a cancelled batch keeps what is done, and tells the rest as cancelled', async () => {
    simulator.setFaults({ batches: [{ stuck: 100 }] });
    const { id } = await create(some(20));
    while ((await openai.batches.retrieve(id)).status !== 'in_progress');
    assert.equal((await openai.batches.cancel(id)).status, 'cancelling');
    const batch = await ended(id);
    assert.equal(batch.status, 'cancelled');
    const errors = (await linesOf(batch.error_file_id)).map((one) => JSON.parse(one));
    assert.equal(errors.length, 20);
    assert.ok(errors.every((one) => one.error.code === 'batch_cancelled' && one.response === null));
    await assert.rejects(openai.batches.cancel(id), { status: 409 });
  });

  test('items go wrong as often as the plan says, the same way each time', async () => {
    simulator.setFaults({
      batches: [
        {
          duration_ms: 0,
          item_error: 10,
          item_invalid: 5,
          expire: 5,
          missing: 5,
          duplicate: 10,
          broken_line: 2,
        },
      ],
    });
    const batch = await ended((await create(some(2_000))).id);
    const lines = [...(await linesOf(batch.output_file_id)), ...(await linesOf(batch.error_file_id))];
    const parsed = lines.flatMap((one) => {
      try {
        return [JSON.parse(one)];
      } catch {
        return [];
      }
    });
    const near = (actual: number, wanted: number) =>
      assert.ok(
        Math.abs(actual - wanted) < Math.max(25, wanted * 0.3),
        `${actual} instead of some ${wanted}`,
      );
    near(lines.length - parsed.length, 40);
    const unique = new Map(parsed.map((one) => [one.custom_id, one]));
    near(2_000 - unique.size, 140);
    near(parsed.length - unique.size, 186);
    const of = (test: (one: { response: { status_code: number } | null }) => boolean) =>
      [...unique.values()].filter(test).length;
    near(
      of(({ response }) => response === null),
      100,
    );
    near(
      of(({ response }) => response?.status_code === 500),
      200,
    );
    near(
      of(({ response }) => response?.status_code === 400),
      100,
    );
  });

  test('each answered item is billed at half the price, with its body’s hash', async () => {
    await fetch(`${simulator.url}/~simulator/invoice`, { method: 'DELETE' });
    simulator.setFaults({ batches: [{ duration_ms: 0, item_error: 20 }], prices: [{ input: 1, output: 4 }] });
    const { batch, output } = await run(some(30));
    const text = await (await fetch(`${simulator.url}/~simulator/invoice?format=jsonl`)).text();
    const lines = text
      .trim()
      .split('\n')
      .map((one) => JSON.parse(one));
    assert.deepEqual(lines.map((one) => one.batch.item).sort(), output.map((one) => one.custom_id).sort());
    assert.ok(lines.every((one) => one.operation === 'batch' && one.batch.job === batch.id));
    assert.equal(new Set(lines.map((one) => one.batch.bodyHash)).size, output.length);
    for (const one of lines)
      assert.equal(one.nanoUsd, Math.ceil((one.inputTokens * 1_000 + one.outputTokens * 4_000) / 2));
  });

  test('long system messages that came before are read from a cache, where reading from one has a price', async () => {
    const long = 'You sort parcels by what is wrong with them. '.repeat(120);
    const asked = (system: string, id: string) =>
      line(id, {
        messages: [
          { role: 'system', content: system },
          { role: 'user', content: id },
        ],
      });
    const lines = [
      asked(long, 'a'),
      asked(long, 'b'),
      asked(`!${long}`, 'c'),
      asked('Short.', 'd'),
      line('e'),
    ];
    const cachedOf = (output: readonly { custom_id: string; response: { body: OpenAI.ChatCompletion } }[]) =>
      Object.fromEntries(
        output.map(({ custom_id, response }) => [
          custom_id,
          response.body.usage?.prompt_tokens_details?.cached_tokens,
        ]),
      );
    const without = await run(lines);
    assert.deepEqual(cachedOf(without.output), { a: 0, b: 0, c: 0, d: 0, e: 0 });
    const price = { input: 1, output: 4, cache_read: 0.1 };
    simulator.setFaults({ batches: [{ duration_ms: 0, shuffle: false }], prices: [price] });
    await fetch(`${simulator.url}/~simulator/invoice`, { method: 'DELETE' });
    const { output } = await run(lines);
    // 5,400 characters are 1,350 tokens, of which whole blocks of 128 are kept.
    assert.deepEqual(cachedOf(output), { a: 0, b: 1280, c: 0, d: 0, e: 0 });
    const bill = simulator.invoice(9).lines.filter(({ cacheReadTokens }) => cacheReadTokens !== undefined);
    assert.equal(bill.length, 1);
    for (const { inputTokens, outputTokens, nanoUsd } of bill)
      assert.equal(
        nanoUsd,
        Math.ceil(((inputTokens - 1280) * 1_000 + 1280 * 100 + outputTokens * 4_000) / 2),
      );
  });

  test('a creation can be lost or refused, a poll throttled, tokens and jobs limited, a batch expire', async () => {
    simulator.setFaults({ batches: [{ lost_create: 100, duration_ms: 0, times: 1 }, { create_error: 100 }] });
    const count = async () => (await openai.batches.list({ limit: 100 })).data.length;
    const before = await count();
    await assert.rejects(create(some(1)), /Connection error/);
    assert.equal(await count(), before + 1);
    await assert.rejects(create(some(1)), { status: 500 });
    assert.equal(await count(), before + 1);
    simulator.setFaults({ batches: [{ poll_throttle: 100, retry_after_s: 3, times: 1, stuck: 100 }] });
    const { id } = await create(some(1));
    await assert.rejects(openai.batches.retrieve(id), { status: 429 });
    await openai.batches.retrieve(id);
    simulator.setFaults({ batches: [{ jobs: 1 }] });
    const limited = (await run(some(1))).batch;
    assert.equal(limited.errors?.data?.[0]?.code, 'token_limit_exceeded');
    await openai.batches.cancel(id);
    await ended(id);
    simulator.setFaults({ batches: [{ enqueued_tokens: 5 }] });
    assert.equal((await run(some(10))).batch.errors?.data?.[0]?.code, 'token_limit_exceeded');
    simulator.setFaults({ batches: [{ expire_job: 100, duration_ms: 0 }] });
    const { batch, output, error } = await run(some(100));
    assert.equal(batch.status, 'expired');
    assert.ok(output.length < 60 && output.length + error.length === 100);
  });

  test('jobs are listed with our id, and end when they are told to', async () => {
    simulator.setFaults({ batches: [{ duration_ms: 600_000 }] });
    const { id } = await create(some(2), openai, { metadata: { job: 's0123456789a' } });
    const answer = await fetch(`${simulator.url}/~simulator/jobs/finish`, { method: 'POST' });
    assert.deepEqual(await answer.json(), { finished: 1 });
    const listed = JSON.parse(await (await fetch(`${simulator.url}/~simulator/jobs`)).text());
    const job = listed.jobs.find((one: { id: string }) => one.id === id);
    assert.deepEqual(
      [job.instance, job.ourId, job.state, job.counts.answered],
      ['openai', 's0123456789a', 'completed', 2],
    );
  });

  test('lists are newest first, in pages; files can be deleted; instances are apart', async () => {
    const first = await create(some(1));
    const second = await create(some(1));
    const page = await openai.batches.list({ limit: 1 });
    assert.equal(page.data[0]?.id, second.id);
    assert.equal((await openai.batches.list({ limit: 1, after: second.id })).data[0]?.id, first.id);
    await openai.files.delete(first.input_file_id);
    await assert.rejects(openai.files.retrieve(first.input_file_id), { status: 404 });
    const other = new OpenAI({ apiKey: 'x', baseURL: `${simulator.url}/~other/v1`, maxRetries: 0 });
    assert.deepEqual((await other.batches.list()).data, []);
    await assert.rejects(other.batches.retrieve(second.id), { status: 404 });
  });
});
