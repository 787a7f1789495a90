/**
 * How well the trained scorer tells which prompts are worth a strong model, on public outcomes of RouteLLM and ZeroEval: on prompts like those
 * it has learnt from, on others, and how fast. Hyperparameters are constants of the program; nothing is chosen by these tests.
 */
import { rowsTable } from '../src/cli/eval/table.ts';
import { table } from '../src/cli/table.ts';
import type { Row } from '../src/evaluation/compare.ts';
import type { Bench } from './bench.ts';
import { dataFolder, isThere, sets } from './router/data.ts';
import { type InDomain, inDomain } from './router/in-domain.ts';
import { type Transfer, transfer } from './router/out-of-domain.ts';
import { type Timing, timings } from './router/timing.ts';

const wanted = {
  mmlu: 0.66,
  mmluCpt80: 0.62,
  gsm8k: 0.65,
  outMean: 0.6,
  outLeast: 0.53,
  p50Us: 20,
  p99Us: 1000,
};

export const bench: Bench = {
  about: 'Which prompts are worth a strong model: in domain, out of it, and microseconds a decision.',
  async run({ quick, print }) {
    if (!isThere())
      return {
        figure: `nothing was measured: the outcomes are not in ${dataFolder}; name their folder by ROUTING_DATA`,
        wanted: 'outcomes to measure by',
        met: false,
        data: {},
      };
    const cases: readonly InDomain[] = [
      { name: 'MMLU, 1500 labels', set: sets.mmlu, labels: 1_500, seeds: quick ? 2 : 5 },
      { name: 'GSM8K, 700 labels', set: sets.gsm8k, labels: 700, seeds: quick ? 5 : 20 },
    ];
    const [mmlu, gsm8k] = cases.map((one) => told(one, print));
    const transfers = [
      transfer('MMLU → GSM8K', sets.mmlu, sets.gsm8k),
      transfer('GSM8K → MMLU', sets.gsm8k, sets.mmlu),
      transfer('ZeroEval crux → gsm', sets.zeroCrux, sets.zeroGsm),
      transfer('ZeroEval gsm → crux', sets.zeroGsm, sets.zeroCrux),
    ];
    print(`\nout of domain\n\n${transferTable(transfers)}`);
    const speed = timings(quick ? 20 : 60);
    print(`\nspeed, 5,000 characters\n\n${timingTable(speed)}`);
    const mean = transfers.reduce((sum, { learned }) => sum + learned, 0) / transfers.length;
    const least = Math.min(...transfers.map(({ learned }) => learned));
    const slowest = {
      p50Us: Math.max(...speed.map(({ p50Us }) => p50Us)),
      p99Us: Math.max(...speed.map(({ p99Us }) => p99Us)),
    };
    const a = { apgr: mmlu?.apgr ?? 0, cpt80: mmlu?.cpt80 ?? 1 };
    const b = gsm8k?.apgr ?? 0;
    return {
      figure:
        `MMLU APGR ${a.apgr.toFixed(3)}, CPT80 ${(a.cpt80 * 100).toFixed(1)} %; GSM8K ${b.toFixed(3)}; out of domain mean ${mean.toFixed(3)}, ` +
        `least ${least.toFixed(3)}, "do not use" said of ${transfers.filter(({ use }) => !use).length} of ${transfers.length}; ` +
        `p50 ${slowest.p50Us.toFixed(1)} µs, p99 ${slowest.p99Us.toFixed(1)} µs`,
      wanted: '≥ .66, ≤ 62 %; ≥ .65; ≥ .60, ≥ .53 or "do not use"; ≤ 20 µs, ≤ 1000 µs',
      met:
        a.apgr >= wanted.mmlu &&
        a.cpt80 <= wanted.mmluCpt80 &&
        b >= wanted.gsm8k &&
        ((mean >= wanted.outMean && least >= wanted.outLeast) || transfers.every(({ use }) => !use)) &&
        slowest.p50Us <= wanted.p50Us &&
        slowest.p99Us <= wanted.p99Us,
      data: { mmlu, gsm8k, transfers, speed },
    };
  },
};

function told(one: InDomain, print: (line: string) => void): Row | undefined {
  const rows = inDomain(one);
  print(`\n${one.name}, all others tested, mean of ${one.seeds} draws\n\n${rowsTable(rows)}`);
  return rows.find(({ router }) => router === 'learned');
}

function transferTable(transfers: readonly Transfer[]): string {
  return table(
    ['learnt → tested', 'learned', '95 %', 'heuristic', 'eval says'],
    transfers.map(({ name, learned, interval, heuristic, use }) => [
      name,
      learned.toFixed(3),
      interval === undefined ? '' : `${interval.low.toFixed(3)}-${interval.high.toFixed(3)}`,
      heuristic.toFixed(3),
      use ? 'use' : 'do not use',
    ]),
  );
}

function timingTable(speed: readonly Timing[]): string {
  return table(
    ['scorer', 'p50 µs', 'p99 µs'],
    speed.map(({ scorer, p50Us, p99Us }) => [scorer, p50Us.toFixed(1), p99Us.toFixed(1)]),
    new Set(['p50 µs', 'p99 µs']),
  );
}
