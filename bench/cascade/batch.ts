/**
 * A cascade in a batch against the strong model alone in a batch, over questions whose right answers are known: what both cost by the
 * simulator's bill, how often both are right, and whether the ledger has every dollar of the bill.
 */
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { create, look, type ResultLine, results, until, upload } from '../road/caller.ts';
import { type Scene, startScene } from '../road/scene.ts';

export interface LabelledPrompt {
  /** With the control word by which the simulator knows the right answer. */
  readonly prompt: string;
  readonly label: string;
}

export interface BatchWorkload {
  readonly prompts: readonly LabelledPrompt[];
  /** How often the simulator's models are right: its plan's `answers`. */
  readonly skills: readonly object[];
  readonly cheap: BilledModel;
  readonly strong: BilledModel;
}

/** `provider/model`, and dollars for a million tokens, which the catalog and the simulator must both have. */
export interface BilledModel {
  readonly target: string;
  readonly input: number;
  readonly output: number;
}

export interface BatchFigures {
  readonly items: number;
  /** Of what the strong model alone costs. */
  readonly costCut: number;
  readonly cascadeUsd: number;
  readonly strongUsd: number;
  /** Shares of right answers. */
  readonly cascadeRight: number;
  readonly strongRight: number;
  readonly escalated: number;
  readonly missing: number;
  /** The simulator's bill less what the batches say that they cost. */
  readonly unbookedUsd: number;
}

const longestMs = 600_000;

/** The two models at one provider each, so that the bill tells them apart. */
function yamlOf({ cheap, strong }: BatchWorkload): string {
  return `
server: { log: error }
providers:
  openai: { type: openai, api_key: sk-test, base_url: "\${SIMULATOR_URL}/~openai/v1" }
  anthropic: { type: anthropic, api_key: sk-ant-test, base_url: "\${SIMULATOR_URL}/~anthropic" }
prices:
  ${cheap.target}: { input: "$${cheap.input}", output: "$${cheap.output}" }
  ${strong.target}: { input: "$${strong.input}", output: "$${strong.output}" }
routes:
  cascade: { chain: [${cheap.target}@batch], cascade: { accept: { confidence: 0.85 }, escalate: ${strong.target}@batch, audit: 0% } }
  strong: { chain: [${strong.target}@batch] }
`;
}

const priceOf = ({ target, input, output }: BilledModel): object => {
  const [provider, model] = target.split('/');
  return { provider, model, input, output };
};

export async function cascadeInBatch(
  workload: BatchWorkload,
  print: (line: string) => void,
): Promise<BatchFigures> {
  const scene = await startScene({
    yaml: yamlOf(workload),
    batch: { poll: ['500ms'], retry: ['1s'] },
    plan: {
      answers: workload.skills,
      prices: [priceOf(workload.cheap), priceOf(workload.strong)],
      batches: [{ duration_ms: 100 }],
    },
  });
  try {
    const strong = await runRoute(scene, 'strong', workload);
    print(`strong alone: $${strong.usd.toFixed(4)}, ${percent(strong.right)} right`);
    const cascade = await runRoute(scene, 'cascade', workload);
    print(
      `cascade: $${cascade.usd.toFixed(4)}, ${percent(cascade.right)} right, ${percent(cascade.escalated)} escalated, in ${cascade.submissions} submissions`,
    );
    return {
      items: workload.prompts.length,
      costCut: 1 - cascade.billedUsd / strong.billedUsd,
      cascadeUsd: cascade.billedUsd,
      strongUsd: strong.billedUsd,
      cascadeRight: cascade.right,
      strongRight: strong.right,
      escalated: cascade.escalated,
      missing: cascade.missing + strong.missing,
      unbookedUsd: cascade.billedUsd + strong.billedUsd - cascade.usd - strong.usd,
    };
  } finally {
    await scene.close();
  }
}

interface Ran {
  /** As the batch says. */
  readonly usd: number;
  readonly billedUsd: number;
  readonly right: number;
  readonly escalated: number;
  readonly missing: number;
  readonly submissions: number;
}

async function runRoute(scene: Scene, route: string, { prompts }: BatchWorkload): Promise<Ran> {
  const before = await bill(scene);
  const path = join(scene.folder, `${route}.jsonl`);
  await writeItems(path, route, prompts);
  const { url } = scene.gateway;
  const { id } = await create(url, await upload(url, path));
  const batch = await until(url, id, longestMs);
  const told = { right: 0, escalated: 0, lines: 0 };
  for await (const line of results(url, batch.output_file_id)) {
    told.lines += 1;
    if (labelIn(line) === prompts[Number(line.custom_id)]?.label) told.right += 1;
    if (line.intermodal['cascade'] === 'escalated') told.escalated += 1;
  }
  const { intermodal } = await look(url, id);
  const { jobs } = Object(await scene.control('GET', 'jobs'));
  return {
    usd: intermodal['cost_usd'] ?? 0,
    billedUsd: (await bill(scene)) - before,
    right: told.right / prompts.length,
    escalated: told.escalated / prompts.length,
    missing: prompts.length - told.lines,
    submissions: jobs.length,
  };
}

async function bill(scene: Scene): Promise<number> {
  const { totalNanoUsd } = Object(await scene.control('GET', 'invoice'));
  return Number(totalNanoUsd) / 1e9;
}

const responseFormat = {
  type: 'json_schema',
  json_schema: {
    name: 'class',
    strict: true,
    schema: {
      type: 'object',
      properties: { label: { type: 'string' }, confidence: { type: 'number' } },
      required: ['label', 'confidence'],
      additionalProperties: false,
    },
  },
};

async function writeItems(path: string, model: string, prompts: readonly LabelledPrompt[]): Promise<void> {
  const file = createWriteStream(path);
  for (const [index, { prompt }] of prompts.entries()) {
    const body = {
      model,
      max_tokens: 64,
      response_format: responseFormat,
      messages: [
        { role: 'system', content: 'Name the class of the message, and how sure you are from 0 to 1.' },
        { role: 'user', content: prompt },
      ],
    };
    const line = { custom_id: `${index}`, method: 'POST', url: '/v1/chat/completions', body };
    if (!file.write(`${JSON.stringify(line)}\n`)) await once(file, 'drain');
  }
  file.end();
  await once(file, 'finish');
}

function labelIn(line: ResultLine): unknown {
  const [choice] = Object(line.response?.body['choices'] ?? []);
  try {
    return JSON.parse(choice?.message?.content ?? '').label;
  } catch {
    return undefined;
  }
}

const percent = (share: number): string => `${(share * 100).toFixed(1)}%`;
