/** The workload in batches, with its second wave: rows beside those of single calls. */
import { cascadeInBatch } from './batch.ts';
import type { Outcome } from './over-http.ts';
import { cheapModel, plan, question, strongModel } from './workload.ts';

export async function inBatches(count: number, print: (line: string) => void): Promise<readonly Outcome[]> {
  const [cheap, strong] = plan.prices;
  const prompts = Array.from({ length: count }, (_, index) => question(index)).map(({ truth, body }) => ({
    prompt: body.messages.at(-1)?.content ?? '',
    label: truth,
  }));
  const { strongRight, strongUsd, cascadeRight, cascadeUsd, escalated, missing, unbookedUsd } =
    await cascadeInBatch(
      {
        prompts,
        skills: plan.answers,
        cheap: { target: `openai/${cheapModel}`, input: cheap.input, output: cheap.output },
        strong: { target: `anthropic/${strongModel}`, input: strong.input, output: strong.output },
      },
      print,
    );
  print(`  in batches: ${missing} results missing, $${unbookedUsd.toFixed(6)} billed and not booked`);
  return [
    { way: 'strong alone, in batches', right: strongRight, costUsd: strongUsd, escalated: 0 },
    { way: 'cascade, in batches', right: cascadeRight, costUsd: cascadeUsd, escalated },
  ];
}
