/** Clients that always have one request under way, spread evenly over gateways, dialects and models. */
import { type Answered, ask, type DialectName, makeAgent } from '../fleet/ask.ts';
import { maxTokens, type Scene } from './scene.ts';

export interface Loaded {
  readonly requests: number;
  readonly failures: readonly { readonly atMs: number; readonly model: string; readonly answer: Answered }[];
  /** By model. */
  readonly served: Readonly<Record<string, number>>;
  readonly ms: readonly number[];
  /** Answers in each second of the run. */
  readonly perSecond: readonly number[];
}

export interface LoadOptions {
  readonly scenes: readonly Scene[];
  readonly urls: readonly string[];
  readonly clients: number;
  readonly forMs: number;
  readonly seed: number;
}

export async function load({ scenes, urls, clients, forMs, seed }: LoadOptions): Promise<Loaded> {
  const agent = makeAgent();
  const random = seeded(seed);
  const startedMs = performance.now();
  const failures: { atMs: number; model: string; answer: Answered }[] = [];
  const served: Record<string, number> = {};
  const ms: number[] = [];
  const perSecond: number[] = [];
  let requests = 0;
  const client = async (number: number): Promise<void> => {
    const scene = scenes[number % scenes.length];
    const url = urls[Math.floor(number / scenes.length) % urls.length];
    if (scene === undefined || url === undefined) return;
    for (let turn = number; performance.now() - startedMs < forMs; turn++) {
      requests += 1;
      const answer = await ask(agent, {
        url,
        model: scene.model,
        dialect: turn % 4 < 2 ? 'openai' : ('anthropic' satisfies DialectName),
        stream: turn % 2 === 0,
        prompt: promptFor(scene, random),
        maxTokens,
      });
      ms.push(answer.ms);
      const second = Math.floor((performance.now() - startedMs) / 1000);
      perSecond[second] = (perSecond[second] ?? 0) + 1;
      if (answer.status === 200 && answer.end === 'clean')
        served[scene.model] = (served[scene.model] ?? 0) + 1;
      else failures.push({ atMs: performance.now() - startedMs, model: scene.model, answer });
    }
  };
  await Promise.all(Array.from({ length: clients }, (_, number) => client(number)));
  agent.destroy();
  return { requests, failures, served, ms, perSecond: Array.from(perSecond, (count) => count ?? 0) };
}

function promptFor({ characters, words }: Scene, random: () => number): string {
  const between = ([least, most]: readonly [number, number]): number =>
    least + Math.floor(random() * (most - least + 1));
  return `[[tokens:${between(words)}]] ${'some words that say little '.repeat(80).slice(0, between(characters))}`;
}

/** Seeded, so that a run can be repeated. */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
