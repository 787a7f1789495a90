/** What a decision costs: one prompt of 5,000 characters, bounded as a route bounds it, scored by either scorer. */
import { seededRandom } from '../../src/cli/eval/seeded.ts';
import { exampleOf } from '../../src/evaluation/routers.ts';
import type { Scorer } from '../../src/router/complexity/contract.ts';
import { createHeuristic } from '../../src/router/complexity/heuristic.ts';
import { boundText } from '../../src/router/complexity/text.ts';
import { train } from '../../src/router/complexity/train.ts';
import { createTrained } from '../../src/router/complexity/trained.ts';
import { mostChars, samplesFrom, sets } from './data.ts';

export interface Timing {
  readonly scorer: string;
  readonly p50Us: number;
  readonly p99Us: number;
}

const promptChars = 5_000;
const prompts = 200;
const words =
  `the pump tenant clause of a total 35 each more than if value garden derivative must however (x + 1) = 2, because
which statement is not true: why would she leave 4.5 % of them? return engine market policy enzyme verdict`.split(
    /\s+/,
  );

/** Texts of words in no order, so that nothing can be remembered from one to the next. */
function textsOf(): readonly string[] {
  const random = seededRandom(3);
  return Array.from({ length: prompts }, () => {
    let text = '';
    while (text.length < promptChars)
      text += `${words[Math.floor(random() * words.length)]}${random() < 0.05 ? '\n' : ' '}`;
    return text;
  });
}

export function timings(rounds: number): readonly Timing[] {
  const model = train(samplesFrom(sets.gsm8k).slice(0, 700).map(exampleOf), seededRandom(1));
  const texts = textsOf();
  return [createHeuristic(), createTrained('trained', model)].map((scorer) => time(scorer, texts, rounds));
}

function time(scorer: Scorer, texts: readonly string[], rounds: number): Timing {
  const took: number[] = [];
  for (let round = 0; round < rounds; round++)
    for (const text of texts) {
      const start = performance.now();
      scorer.score({ text: boundText([text], mostChars), inputTokens: promptChars / 4 });
      const us = (performance.now() - start) * 1000;
      // The first rounds are the compiler’s.
      if (round >= 10) took.push(us);
    }
  took.sort((a, b) => a - b);
  const at = (share: number): number => took[Math.floor(share * (took.length - 1))] ?? 0;
  return { scorer: scorer.name, p50Us: at(0.5), p99Us: at(0.99) };
}
