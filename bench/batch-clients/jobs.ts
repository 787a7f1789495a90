/** The jobs way in, by plain HTTP: there is no client for it. */
import type { Adapter } from './adapters.ts';
import type { Cell } from './tally.ts';
import { truth } from './truth.ts';
import { until, type World } from './world.ts';

interface JobView {
  readonly batch_id: string;
  readonly status: string;
  readonly error?: string;
  readonly progress: { readonly total: number; readonly done: number; readonly failed: number };
  readonly results?: readonly {
    readonly id: string;
    readonly status: string;
    readonly content: string;
    readonly usage: unknown;
  }[];
}

async function call(world: World, path: string, body?: object, key = world.key) {
  const response = await world.fetch(`${world.url}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const answer: JobView = JSON.parse(text);
  return { status: response.status, body: answer, text };
}

/** Half of the items name their route as `task`. */
export async function jobsFlow(world: World, cell: Cell, adapter: Adapter): Promise<void> {
  const items = Array.from({ length: Math.max(4, adapter.least) }, (_, n) => ({
    id: `job item "${n}"`,
    content: n === 0 ? 'Zeile\u2028 é 🙂 "q" [[echo]]' : `Hello job ${n}`,
    ...(n % 2 === 0 ? { task: adapter.name } : {}),
  }));
  cell.check((await call(world, '/v1/auth/validate')).status === 200, () => 'the key is not good');
  const made = await call(world, '/v1/batch/jobs', { model: adapter.name, items });
  cell.check(made.status === 200 && /^job_/.test(made.body.batch_id), () => made.text);
  const path = `/v1/batch/jobs/${made.body.batch_id}`;
  const { body: job } = await until(
    () => call(world, path),
    ({ body }) => body.status !== 'processing',
  );
  cell.check(job.status === 'completed', () => `${job.status} ${job.error}`);
  cell.check(job.progress.done === items.length, () => JSON.stringify(job.progress));
  cell.check(job.results?.length === items.length, () => `${job.results?.length} results`);
  for (const { id, content } of items) {
    const result = job.results?.find((one) => one.id === id);
    const body = { model: adapter.name, messages: [{ role: 'user', content }] };
    const { choices, usage } = JSON.parse(await truth(world, '/v1/chat/completions', body));
    const wanted = JSON.stringify([choices[0].message.content, usage.prompt_tokens, usage.completion_tokens]);
    const { input_tokens, output_tokens } = Object(result?.usage);
    const seen = JSON.stringify([result?.content, input_tokens, output_tokens]);
    cell.check(seen === wanted, () => `${seen} instead of ${wanted}`);
  }
  cell.check(
    (await call(world, path, undefined, world.otherKey)).status === 404,
    () => 'another key sees it',
  );
}
