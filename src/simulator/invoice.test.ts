/** The simulator's own bill: what a ledger is held against, so it must be right without it. */
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { after, before, beforeEach, describe, test } from 'node:test';
import { createLineArchive } from './batches/archive.ts';
import { createInvoice } from './invoice.ts';
import { type Simulator, startSimulator } from './server.ts';

const prices = [
  { model: 'cheap', input: 0.1, output: 0.4 },
  { provider: 'anthropic', input: 3, output: 15, cache_write: 3.75 },
];

describe('the simulator’s invoice', () => {
  let simulator: Simulator;
  before(async () => {
    simulator = await startSimulator();
  });
  beforeEach(async () => {
    simulator.setFaults({ prices });
    await control('DELETE', 'invoice');
  });
  after(() => simulator.close());

  const control = async (method: string, what: string) =>
    JSON.parse(await (await fetch(`${simulator.url}/~simulator/${what}`, { method })).text());

  const ask = (body: object, path = '/v1/chat/completions') =>
    fetch(simulator.url + path, {
      method: 'POST',
      headers: { authorization: 'Bearer x' },
      body: JSON.stringify({ model: 'cheap', messages: [{ role: 'user', content: 'Hello' }], ...body }),
    });

  const read = async (body: object, path?: string) => JSON.parse(await (await ask(body, path)).text());

  /** Bills come when a call has ended, a moment after its caller has seen it. */
  async function settled(calls: number) {
    for (let tries = 0; tries < 200; tries++) {
      const invoice = simulator.invoice();
      if (invoice.calls === calls && invoice.open === 0) return invoice;
      await new Promise((resolve) => setImmediate(resolve));
      await fetch(`${simulator.url}/~simulator/health`);
    }
    return assert.fail(`${calls} calls were not billed: ${JSON.stringify(simulator.invoice())}`);
  }

  test('an answer is billed by the tokens that it told', async () => {
    const answer = await read({ messages: [{ role: 'user', content: '[[note:n-17]] Hello' }] });
    const { lines, totalNanoUsd, calls } = await settled(1);
    const { prompt_tokens: input, completion_tokens: output } = answer.usage;
    const [line] = lines;
    assert.equal(calls, 1);
    assert.equal(totalNanoUsd, input * 100 + output * 400);
    assert.deepEqual([line?.inputTokens, line?.outputTokens, line?.nanoUsd], [input, output, totalNanoUsd]);
    assert.equal(line?.complete, true);
    assert.equal(line?.note, 'n-17');
    assert.ok(answer.id.endsWith(line?.answerId));
  });

  test('what a cache is written with has its own price', async () => {
    const cached = [{ type: 'text', text: 'Hello', cache_control: { type: 'ephemeral' } }];
    const messages = [{ role: 'user', content: cached }];
    const answer = await read({ model: 'claude', max_tokens: 100, messages }, '/v1/messages');
    const { input_tokens: input, cache_creation_input_tokens: written, output_tokens: output } = answer.usage;
    assert.ok(written > 0);
    const { totalNanoUsd, lines } = await settled(1);
    assert.equal(totalNanoUsd, input * 3000 + written * 3750 + output * 15_000);
    assert.equal(lines[0]?.inputTokens, input + written);
  });

  test('a stream that a fault cuts is billed for what was sent', async () => {
    const whole = await (await ask({ stream: true, stream_options: { include_usage: true } })).text();
    const full = (await settled(1)).lines[0];
    simulator.setFaults({ prices, faults: [{ kind: 'cut', after: 8 }] });
    const text = await (await ask({ stream: true })).text().catch(() => '');
    assert.ok(text.length < whole.length);
    const cut = (await settled(2)).lines[0];
    assert.equal(cut?.complete, false);
    assert.equal(cut?.inputTokens, full?.inputTokens);
    assert.ok((cut?.outputTokens ?? 0) > 0);
    assert.ok((cut?.outputTokens ?? 0) < (full?.outputTokens ?? 0) / 2);
  });

  test('a caller who hangs up pays a stream so far, and a whole answer whole', async () => {
    const leave = async (body: object): Promise<void> => {
      const call = request(`${simulator.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { authorization: 'Bearer x' },
      });
      call.on('error', () => {});
      call.end(JSON.stringify({ model: 'cheap', ...body }));
      while (simulator.invoice().open === 0) await fetch(`${simulator.url}/~simulator/health`);
      const closed = new Promise((resolve) => call.once('close', resolve));
      call.destroy();
      await closed;
    };
    simulator.setFaults({ prices, think_ms: 60_000 });
    const messages = [{ role: 'user', content: '[[tokens:50]]' }];
    await leave({ messages });
    const whole = (await settled(1)).lines[0];
    assert.ok((whole?.outputTokens ?? 0) >= 50);
    assert.equal(whole?.complete, false);
    await leave({ messages, stream: true });
    assert.equal((await settled(2)).lines[0]?.outputTokens, 0);
  });

  test('nothing is billed that was not answered', async () => {
    for (const fault of [
      { kind: 'refused' },
      { kind: 'reset' },
      { kind: 'outage' },
      { kind: 'rate-limit' },
    ]) {
      simulator.setFaults({ prices, faults: [fault] });
      await ask({})
        .then((response) => response.text())
        .catch(() => '');
    }
    simulator.setFaults({ prices, limits: [{ rpm: 1 }] });
    await ask({});
    assert.equal((await ask({})).status, 429);
    assert.equal((await ask({ messages: [] })).status, 400);
    assert.equal((await settled(1)).calls, 1);
  });

  test('embeddings are billed, counting is not', async () => {
    const embed = await read({ input: 'twelve chars' }, '/v1/embeddings');
    await ask({ max_tokens: 1 }, '/v1/messages/count_tokens');
    const { totalNanoUsd } = await settled(1);
    assert.equal(totalNanoUsd, embed.usage.prompt_tokens * 100);
  });

  test('it is told over HTTP, with as many lines as are asked for, and begins anew', async () => {
    for (let times = 0; times < 3; times++) await (await ask({})).text();
    await settled(3);
    const report = await control('GET', 'invoice?lines=2');
    assert.deepEqual(
      report.lines.map((line: { number: number }) => line.number - report.lines[1].number),
      [1, 0],
    );
    assert.equal(report.byModel['openai/cheap'].calls, 3);
    await control('DELETE', 'invoice');
    assert.equal(simulator.invoice().totalNanoUsd, 0);
  });

  test('lines are bounded, sums are not; every call is rounded up', () => {
    const invoice = createInvoice();
    const call = {
      instance: 'a',
      model: 'm',
      operation: 'chat',
      stream: false,
      answerId: 'x',
      atMs: 0,
      inputTokens: 1,
      cacheWriteTokens: 0,
      outputTokens: 0,
      complete: true,
    };
    const price = [{ provider: '*', model: '*', input: 0.0001, output: 0, batch: 0.5, flex: 0.5 }];
    for (let number = 0; number < 250_000; number++) invoice.begin()(call, price);
    const { lines, totalNanoUsd, calls } = invoice.report(1_000_000);
    assert.equal(calls, 250_000);
    assert.equal(totalNanoUsd, 250_000);
    assert.ok(lines.length <= 200_000 && lines.length >= 100_000);
    assert.equal(lines[0]?.number, 250_000);
  });

  test('every line can be read, those too that memory has no room for', async () => {
    const archive = createLineArchive();
    const invoice = createInvoice(archive);
    const call = {
      instance: 'a',
      model: 'm',
      operation: 'batch',
      stream: false,
      answerId: 'x',
      atMs: 0,
      inputTokens: 3,
      cacheWriteTokens: 0,
      outputTokens: 1,
      complete: true,
    };
    const price = [{ provider: '*', model: '*', input: 1, output: 4, batch: 0.5, flex: 0.5 }];
    for (let number = 0; number < 230_000; number++)
      invoice.begin()({ ...call, batch: { job: 'j', item: `i${number}`, bodyHash: 'h' } }, price);
    const items = new Set<string | undefined>();
    let nanoUsd = 0;
    let lines = 0;
    for await (const some of invoice.all())
      for (const line of some) {
        // While they are read, more come; they are told the next time.
        if (lines++ === 0) invoice.begin()(call, price);
        items.add(line.batch?.item);
        nanoUsd += line.nanoUsd;
      }
    assert.deepEqual([lines, items.size], [230_000, 230_000]);
    assert.equal(nanoUsd, 230_000 * 3_500);
    assert.equal(invoice.report(0).totalNanoUsd, nanoUsd + 7_000);
    invoice.clear();
    assert.deepEqual(await invoice.all()[Symbol.asyncIterator]().next(), { done: true, value: undefined });
  });
});
