/**
 * The workload in batches, with its second wave: what both cost by the providers' bill, and how often they are right. Every dollar of the bill must
 * be in the ledger, and every question have one answer.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { create, results, until, upload } from '../road/caller.ts';
import { type Scene, startScene } from '../road/scene.ts';
import type { Outcome } from './over-http.ts';
import { isRight, plan, type Question, question, routes } from './workload.ts';

const yaml = `
server: { log: error }
providers:
  openai: { type: openai, api_key: sk-test, base_url: "\${SIMULATOR_URL}/v1" }
  anthropic: { type: anthropic, api_key: sk-test, base_url: "\${SIMULATOR_URL}" }
routes:${routes('batch')}
`;

const longestMs = 600_000;

export async function inBatches(count: number): Promise<readonly Outcome[]> {
  const scene = await startScene({
    yaml,
    batch: { poll: ['500ms'], retry: ['1s'] },
    plan: { ...plan, batches: [{ duration_ms: 100 }] },
  });
  try {
    const questions = Array.from({ length: count }, (_, index) => question(index));
    return [
      await run(scene, 'strong alone', 'strong', questions),
      await run(scene, 'cascade, in batches', 'classify', questions),
    ];
  } finally {
    await scene.close();
  }
}

const content = z.object({ choices: z.array(z.object({ message: z.object({ content: z.string() }) })) });

async function run(
  scene: Scene,
  way: string,
  model: string,
  questions: readonly Question[],
): Promise<Outcome> {
  const before = await billed(scene);
  const path = join(scene.folder, `${model}.jsonl`);
  const lines = questions.map(({ body }, index) =>
    JSON.stringify({
      custom_id: `${index}`,
      method: 'POST',
      url: '/v1/chat/completions',
      body: { ...body, model },
    }),
  );
  writeFileSync(path, `${lines.join('\n')}\n`);
  const { url } = scene.gateway;
  const { id } = await create(url, await upload(url, path));
  const batch = await until(url, id, longestMs);
  const told = { right: 0, escalated: 0, answers: 0 };
  for await (const { custom_id: name, response, intermodal } of results(url, batch.output_file_id)) {
    const asked = questions[Number(name)];
    if (asked === undefined) throw new Error(`${name} was never asked.`);
    told.answers += 1;
    if (isRight(asked, content.parse(response?.body).choices[0]?.message.content ?? '')) told.right += 1;
    if (intermodal['cascade'] === 'escalated') told.escalated += 1;
  }
  if (told.answers !== questions.length)
    throw new Error(`${questions.length} questions of ${id} have ${told.answers} answers.`);
  const costUsd = (await billed(scene)) - before;
  const booked = batch.intermodal['cost_usd'] ?? 0;
  if (Math.abs(booked - costUsd) > 1e-9)
    throw new Error(`${id} says $${booked}, and the bill is $${costUsd}.`);
  return { way, right: told.right / questions.length, costUsd, escalated: told.escalated / questions.length };
}

const bill = z.object({ totalNanoUsd: z.number() });

async function billed(scene: Scene): Promise<number> {
  return bill.parse(await scene.control('GET', 'invoice?lines=1')).totalNanoUsd / 1e9;
}
