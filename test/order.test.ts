/** Orders by measurement over real sockets: what is measured is what callers wait for and what providers bill. */
import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { startTestGateway, type TestGateway } from './support/gateway.ts';

const yaml = `
providers:
  a: { type: openai, api_key: k, base_url: "http://127.0.0.1:\${SIMULATOR_PORT}/~a/v1" }
  b: { type: openai, api_key: k, base_url: "http://127.0.0.1:\${SIMULATOR_PORT}/~b/v1" }
prices:
  a/gpt-4.1-mini: { input: $0.50, output: $1.00, cache_read: $0.05 }
  b/gpt-4.1-mini: { input: $0.55, output: $1.00, cache_read: $0.05 }
limits:
  a/gpt-4.1-mini: { rpm: 60 }
  b/gpt-4.1-mini: { rpm: 60 }
routes:
  quick: { chain: [a/gpt-4.1-mini, b/gpt-4.1-mini], order: fastest }
  roomy: { chain: [a/gpt-4.1-mini, b/gpt-4.1-mini], order: most-room }
  cheap: { chain: [a/gpt-4.1-mini, b/gpt-4.1-mini], order: cheapest }
`;

let gateway: TestGateway;
afterEach(async () => {
  await gateway.close();
});

async function ask(model: string, system = '', prompt = 'Hello'): Promise<string> {
  const response = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      model,
      messages: [
        { role: 'system', content: system },
        { role: 'user', content: prompt },
      ],
    }),
  });
  await response.text();
  assert.equal(response.status, 200);
  return response.headers.get('x-intermodal-target')?.slice(0, 1) ?? '';
}

describe('a route in order', () => {
  test('of speed leaves the slow target once it has found the other out, and finds its way back', async () => {
    gateway = await startTestGateway({ yaml: yaml.replaceAll('rpm: 60', 'rpm: 100k'), faults: {} });
    const slow = (provider: string, delayMs: number): void =>
      gateway.simulator.setFaults({ faults: [{ provider, kind: 'slow', delay_ms: delayMs }] });
    slow('a', 30);
    const untilFirst = async (wanted: string): Promise<void> => {
      for (let row = 0, asked = 0; row < 5; asked++) {
        assert.ok(asked < 2_000, `${wanted} is not found out`);
        row = (await ask('quick')) === wanted ? row + 1 : 0;
      }
    };
    await untilFirst('b');
    slow('b', 300);
    await untilFirst('a');
  });

  test('of room spreads what comes over both', async () => {
    gateway = await startTestGateway({ yaml, faults: {} });
    const targets: string[] = [];
    for (let at = 0; at < 40; at++) targets.push(await ask('roomy'));
    const ofA = targets.filter((target) => target === 'a').length;
    assert.ok(ofA >= 18 && ofA <= 22, targets.join(''));
  });

  test('of cost stays where the prompt cache is warm', async () => {
    // What bills by a cache has one.
    const prices = ['a', 'b'].map((provider) => ({ provider, input: 0.5, output: 1, cache_read: 0.05 }));
    gateway = await startTestGateway({ yaml, faults: { prices } });
    const system = 'You are a careful clerk. '.repeat(800);
    gateway.simulator.setFaults({
      prices,
      faults: [{ provider: 'a', kind: 'outage', status: 503, times: 1 }],
    });
    assert.equal(await ask('cheap', system), 'b', 'the dearer one stands in');
    assert.equal(await ask('cheap', system), 'b', 'and is cheaper from then on');
    assert.equal(await ask('cheap', 'You are brief.'), 'a');
  });
});
