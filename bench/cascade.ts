/**
 * What a cascade is worth. On real answers, which lie outside the repository (ROUTING_DATA, or ../shared/routing-data): how well agreement ranks cheap
 * answers, whether the conformal threshold keeps its promise, how true calibrated confidences are. And by a workload on the simulator, over HTTP:
 * what it saves, and what that costs in accuracy.
 */
import { join } from 'node:path';
import type { Bench } from './bench.ts';
import { readAnswers, strongs } from './cascade/answers.ts';
import { inBatches } from './cascade/in-batches.ts';
import { calibrated, keepPromise, rankAcross, rankFolds, rankRaw } from './cascade/offline.ts';
import { type Outcome, overHttp } from './cascade/over-http.ts';

/** The model of the first row is what is wanted; that of the second, half a year younger, is printed beside it. */
const [wantedStrong] = strongs;

interface Row {
  readonly what: string;
  readonly value: string;
  readonly wanted: string;
  readonly met: boolean;
}

export const bench: Bench = {
  about:
    'Cascades: what agreement, thresholds and calibration are worth on real answers, and what a workload saves.',
  async run({ quick, print, recordings }) {
    const folder = process.env['ROUTING_DATA'] ?? join(recordings, '..', 'routing-data');
    const rows: Row[] = [...onAnswers(folder, quick, print)];
    const outcomes = [
      ...(await overHttp(quick ? 400 : 4_000)),
      ...(await inBatches(quick ? 400 : 4_000, print)),
    ];
    rows.push(...onWorkload(outcomes, print));
    for (const { what, value, wanted, met } of rows)
      print(`  ${met ? ' ' : '!'} ${what.padEnd(52)}${value.padEnd(42)}${wanted}`);
    const short = rows.filter(({ met }) => !met);
    return {
      figure: `${rows.length - short.length} of ${rows.length} rows met`,
      wanted: 'all of them',
      met: short.length === 0,
      data: { rows, outcomes },
    };
  },
};

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;

function onAnswers(folder: string, quick: boolean, print: (line: string) => void): readonly Row[] {
  const rows: Row[] = [];
  for (const strong of strongs) {
    const asked = readAnswers(folder, strong);
    if (asked === undefined) {
      print(
        `  There are no answers in ${folder}; set ROUTING_DATA. Without them nothing is shown of real models.`,
      );
      return [{ what: 'answers of real models', value: 'absent', wanted: 'ZeroEval’s', met: false }];
    }
    const draws = quick ? 20 : 100;
    const [raw, fold, bench] = [rankRaw(asked), rankFolds(asked), rankAcross(asked)];
    const kept = keepPromise(asked, { draws, audits: 500, truth: true });
    const blind = keepPromise(asked, { draws, audits: 500, truth: false });
    const error = calibrated(asked, draws, 200);
    print(
      `  ${strong}: ${asked.length} questions, cheap ${percent(raw.cheap)}, strong ${percent(raw.strong)}; APGR raw ${raw.apgr.toFixed(3)}, 5-fold ${fold.apgr.toFixed(3)}, both benchmarks pooled and each calibrated on the other ${bench.apgr.toFixed(3)}; at 25 % escalated ${percent(raw.atQuarter)}, ${percent(fold.atQuarter)}, ${percent(bench.atQuarter)}`,
    );
    print(
      `    conformal by truth: ${kept.broken} of ${kept.draws} broken, ${percent(kept.escalated)} escalated, regret ${percent(kept.regret)}; by agreement with the strong model alone: ${blind.broken} broken, ${percent(blind.escalated)}, ${percent(blind.regret)}; calibration error ${error.toFixed(4)}`,
    );
    if (strong !== wantedStrong) continue;
    const reached = Math.min(...[raw, fold, bench].map(({ atQuarter, strong: all }) => atQuarter - all));
    rows.push(
      {
        // It has learnt nothing, so it is the same however the questions are split, a whole benchmark left out too.
        what: 'APGR by agreement alone, whatever is left out',
        value: raw.apgr.toFixed(3),
        wanted: '>= 0.92',
        met: raw.apgr >= 0.92,
      },
      {
        what: 'APGR within folds, calibrated on the other four',
        value: fold.apgr.toFixed(3),
        wanted: '>= 0.92',
        met: fold.apgr >= 0.92,
      },
      {
        what: 'accuracy at 25 % escalated over the strong one’s',
        value: `${(reached * 100).toFixed(2)} points`,
        wanted: '>= 0',
        met: reached > -1e-9,
      },
      {
        what: `regret 2 % at 90 %, ${draws} draws of 500 audits`,
        value: `${kept.broken} broken, ${percent(kept.escalated)} escalated`,
        wanted: '<= 10 of 100 broken, <= 30 %',
        met: kept.broken <= kept.draws / 10 && kept.escalated <= 0.3,
      },
      {
        what: 'calibration error with 200 labels',
        value: error.toFixed(4),
        wanted: '<= 0.03',
        met: error <= 0.03,
      },
    );
  }
  return rows;
}

function onWorkload(outcomes: readonly Outcome[], print: (line: string) => void): readonly Row[] {
  const rows: Row[] = [];
  // Each is held against the strong model asked in the same way, which comes before it.
  let alone: Outcome | undefined;
  for (const outcome of outcomes) {
    const { way, right, costUsd, escalated } = outcome;
    if (way.startsWith('strong')) alone = outcome;
    print(
      `  ${way}: ${percent(right)} right, $${costUsd.toFixed(4)} billed, ${percent(escalated)} escalated`,
    );
    if (alone === undefined || alone === outcome) continue;
    const saved = 1 - costUsd / alone.costUsd;
    // Of whole questions: floating point must not decide.
    const lost = Math.round((alone.right - right) * 1e6) / 1e6;
    rows.push({
      what: `${way}, beside the strong model alone`,
      value: `${percent(saved)} saved, ${(lost * 100).toFixed(2)} points less right`,
      wanted: '>= 60 % saved, <= 1 point',
      met: saved >= 0.6 && lost <= 0.01,
    });
  }
  return rows;
}
