/**
 * 20,000 requests, 200 at a time, a third of them streams, over a chain of three providers. The first dies, stalls, answers 500s and 429s in turn, then
 * recovers; the second follows. Nobody may see it.
 */
import { startTestGateway } from '../test/support/gateway.ts';
import type { Bench } from './bench.ts';
import { ask, type Seen } from './failover/ask.ts';

const yaml = `
providers:
  a: { type: openai, api_key: x, base_url: "http://127.0.0.1:\${SIMULATOR_PORT}/~a/v1" }
  b: { type: anthropic, api_key: x, base_url: "http://127.0.0.1:\${SIMULATOR_PORT}/~b" }
  c: { type: openai-compatible, api_key: x, base_url: "http://127.0.0.1:\${SIMULATOR_PORT}/~c/v1" }
timeouts: { connect: 1s, first_byte: 1s, first_token: 1s, answer: 1s, idle: 1s }
breaker: { failures: 5, open: 1s, open_cap: 4s }
routes:
  chain: { chain: [a/gpt-4.1-mini, b/claude-haiku-4-5, c/other] }
`;

const concurrency = 200;

/** From which share of the run on, what is broken. Cuts and stalls strike before the first content, where a caller need not see them. */
const script: readonly {
  readonly from: number;
  readonly name: string;
  readonly faults: readonly object[];
}[] = [
  { from: 0, name: 'all well', faults: [] },
  { from: 0.2, name: 'a refuses connections', faults: [{ provider: 'a', kind: 'refused' }] },
  { from: 0.3, name: 'a is silent', faults: [{ provider: 'a', kind: 'silence' }] },
  { from: 0.4, name: 'a answers 500', faults: [{ provider: 'a', kind: 'outage', status: 500 }] },
  { from: 0.5, name: 'a throttles', faults: [{ provider: 'a', kind: 'rate-limit', retry_after_s: 2 }] },
  { from: 0.6, name: 'a recovers, b is cut', faults: [{ provider: 'b', kind: 'cut' }] },
  {
    from: 0.7,
    name: 'a answers 503, b half the time',
    faults: [
      { provider: 'a', kind: 'outage', status: 503 },
      { provider: 'b', kind: 'outage', status: 529, percent: 50 },
    ],
  },
  {
    from: 0.8,
    name: 'a and b are down',
    faults: [
      { provider: 'a', kind: 'refused' },
      { provider: 'b', kind: 'outage', status: 500 },
    ],
  },
  { from: 0.9, name: 'all well again', faults: [] },
];

interface Sample {
  readonly ms: number;
  readonly phase: string;
  readonly failure: string | undefined;
}

export const bench: Bench = {
  about: 'A provider dies, stalls, throttles and recovers under load; nobody may notice.',
  async run({ quick, print }) {
    const total = quick ? 3000 : 20_000;
    const service = await startTestGateway({ yaml });
    const samples: Sample[] = [];
    const targets = new Map<string, number>();
    let next = 0;
    let phase = -1;
    const advance = (): string => {
      const at = script.findLastIndex(({ from }) => next >= from * total);
      if (at !== phase) {
        phase = at;
        service.simulator.setFaults({ faults: script[at]?.faults ?? [] });
      }
      return script[at]?.name ?? '';
    };
    const worker = async (): Promise<void> => {
      while (next < total) {
        const number = next++;
        const name = advance();
        const marker = `message number ${number}`;
        let seen: Seen | undefined;
        let failure: string | undefined;
        try {
          seen = await ask(
            service.url,
            number % 2 === 0 ? 'openai' : 'anthropic',
            number % 3 === 0,
            'chain',
            `[[echo]] ${marker}`,
          );
          if (seen.status !== 200 || seen.end !== 'clean')
            failure = `${seen.status} ${seen.end} ${seen.errorText}`;
          else if (seen.text !== marker)
            failure = `another’s answer, or one twice: ${seen.text.slice(0, 80)}`;
          targets.set(seen.target ?? '', (targets.get(seen.target ?? '') ?? 0) + 1);
        } catch (thrown) {
          failure = String(thrown);
        }
        samples.push({ ms: seen?.ms ?? 0, phase: name, failure });
      }
    };
    try {
      // Cold compilers and empty pools are not what is measured.
      for (let warm = 0; warm < 10; warm++) {
        await Promise.all(
          Array.from({ length: concurrency }, (_, index) =>
            ask(service.url, index % 2 === 0 ? 'openai' : 'anthropic', index % 3 === 0, 'chain', 'warm'),
          ),
        );
      }
      await Promise.all(Array.from({ length: concurrency }, worker));
    } finally {
      await service.close();
    }
    const failures = samples.filter((sample) => sample.failure !== undefined);
    const p99 = (names: readonly string[]): number => {
      const list = samples
        .filter((sample) => names.includes(sample.phase))
        .map((sample) => sample.ms)
        .sort((x, y) => x - y);
      return list[Math.floor(list.length * 0.99)] ?? 0;
    };
    for (const { name } of script)
      print(
        `  ${name.padEnd(34)} p99 ${p99([name]).toFixed(0).padStart(6)} ms, ${samples.filter((sample) => sample.phase === name && sample.failure !== undefined).length} failures`,
      );
    for (const [target, count] of targets) print(`  served by ${target}: ${count}`);
    for (const failure of failures.slice(0, 10)) print(`  ${failure.phase}: ${failure.failure}`);
    const outage = script.slice(1, -1).map(({ name }) => name);
    return {
      figure: `${failures.length} failures in ${samples.length}, p99 ${p99(outage).toFixed(0)} ms during, ${p99(['all well']).toFixed(0)} ms before`,
      wanted: '0 failures',
      met: failures.length === 0 && samples.length === total,
      data: { failures: failures.slice(0, 100), targets: Object.fromEntries(targets) },
    };
  },
};
