/** The workload through a whole gateway, one call at a time or streamed: what it costs by the providers' bill, and how often it is right, beside the strong model alone. */
import { z } from 'zod';
import { type Scene, startScene } from '../road/scene.ts';
import { isRight, plan, type Question, question, routes } from './workload.ts';

export interface Outcome {
  readonly way: string;
  readonly right: number;
  readonly costUsd: number;
  /** Of all that were asked. */
  readonly escalated: number;
}

const yaml = `
server: { log: warn }
providers:
  openai: { type: openai, api_key: sk-test, base_url: "\${SIMULATOR_URL}/v1" }
  anthropic: { type: anthropic, api_key: sk-test, base_url: "\${SIMULATOR_URL}" }
routes:${routes}
`;

/** Calls under way at once. */
const lanes = 16;

export async function overHttp(count: number): Promise<readonly Outcome[]> {
  const scene = await startScene({ yaml, plan });
  try {
    const questions = Array.from({ length: count }, (_, index) => question(index));
    return [
      await run(scene, 'strong alone', 'strong', questions, false),
      await run(scene, 'cascade, one by one', 'classify', questions, false),
      await run(scene, 'cascade, streamed', 'classify', questions, true),
    ];
  } finally {
    await scene.close();
  }
}

async function run(
  scene: Scene,
  way: string,
  model: string,
  questions: readonly Question[],
  stream: boolean,
): Promise<Outcome> {
  const before = await billed(scene);
  let right = 0;
  let escalated = 0;
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let one = questions[next++]; one !== undefined; one = questions[next++]) {
      const response = await fetch(`${scene.gateway.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ ...one.body, model, stream }),
      });
      const text = await response.text();
      if (!response.ok) throw new Error(`${response.status}: ${text.slice(0, 300)}`);
      if (isRight(one, stream ? readStream(text) : readWhole(text))) right += 1;
      if (response.headers.get('x-intermodal-cascade')?.startsWith('escalated') === true) escalated += 1;
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  const costUsd = (await billed(scene)) - before;
  return { way, right: right / questions.length, costUsd, escalated: escalated / questions.length };
}

const bill = z.object({ totalNanoUsd: z.number() });

async function billed(scene: Scene): Promise<number> {
  return bill.parse(await scene.control('GET', 'invoice?lines=1')).totalNanoUsd / 1e9;
}

const whole = z.object({ choices: z.array(z.object({ message: z.object({ content: z.string() }) })) });
const chunk = z.object({
  choices: z.array(z.object({ delta: z.object({ content: z.string().nullish() }) })),
});

const readWhole = (text: string): string => whole.parse(JSON.parse(text)).choices[0]?.message.content ?? '';

function readStream(text: string): string {
  return text
    .split('\n\n')
    .filter((event) => event.startsWith('data: {'))
    .map((event) => chunk.parse(JSON.parse(event.slice(6))).choices[0]?.delta.content ?? '')
    .join('');
}
