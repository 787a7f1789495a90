/** Clients that spend until they are refused, each request under a number that the bill and the ledger know it by. */
import { type Answered, ask, makeAgent } from '../fleet/ask.ts';
import { models } from './scene.ts';

export type Fate = 'answered' | 'refused' | 'cut' | 'left' | 'killed' | 'failed';

export interface RaceOptions {
  readonly urls: () => readonly string[];
  readonly clients: number;
  readonly seed: number;
  /** Whether a gateway at this address was killed. */
  readonly wasKilled: (url: string) => boolean;
}

/** One request, by its number. */
export interface Run {
  readonly fate: Fate;
  readonly url: string;
  /** On the monotonic clock. */
  readonly endedMs: number;
}

export interface Race {
  readonly runs: readonly Run[];
  readonly failures: readonly Answered[];
  readonly done: Promise<void>;
}

const hangUpShare = 0.03;
const slowShare = 0.2;
/** A client goes on after a 402, since a smaller request may still fit. */
const refusalsToStop = 2;
/** A defect must not keep the clients asking forever. */
const mostRequests = 60_000;

export function startRace({ urls, clients, seed, wasKilled }: RaceOptions): Race {
  const agent = makeAgent();
  const random = seeded(seed);
  const runs: Run[] = [];
  const failures: Answered[] = [];
  let next = 0;
  const between = (least: number, most: number): number => least + Math.floor(random() * (most - least + 1));

  const client = async (place: number): Promise<void> => {
    for (let refused = 0; refused < refusalsToStop && next < mostRequests; ) {
      const number = next++;
      const all = urls();
      const url = all[(place + refused) % all.length] ?? '';
      const stream = random() < 0.5;
      const words = between(10, 70);
      const slow = stream && random() < slowShare ? ' [[chunk-delay:4ms]]' : '';
      const leaves = random() < hangUpShare;
      const answer = await ask(agent, {
        url,
        model: models[number % models.length] ?? '',
        dialect: number % 4 < 2 ? 'openai' : 'anthropic',
        stream,
        prompt: `[[note:n${number}]] [[tokens:${words}]]${slow} ${'what is it worth '.repeat(40).slice(0, between(0, 600))}`,
        maxTokens: 140,
        tag: `n${number}`,
        ...(leaves ? { hangUpMs: between(10, 250) } : {}),
      });
      const fate = fateOf(answer, stream, wasKilled(url));
      runs[number] = { fate, url, endedMs: performance.now() };
      if (fate === 'failed') failures.push(answer);
      refused = fate === 'refused' ? refused + 1 : 0;
    }
  };
  const done = Promise.all(Array.from({ length: clients }, (_, place) => client(place))).then(() =>
    agent.destroy(),
  );
  return { runs, failures, done };
}

function fateOf({ status, end }: Answered, stream: boolean, killed: boolean): Fate {
  if (end === 'left') return 'left';
  if (end === 'clean') return 'answered';
  if (status === 402) return 'refused';
  if (end === 'gone' && killed) return 'killed';
  return stream && status === 200 && end === 'error' ? 'cut' : 'failed';
}

/** Seeded, so that a run can be repeated. */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
