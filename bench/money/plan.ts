/** What `intermodal plan` says of a file, asked as an operator asks it: a process of its own, beside the gateway that runs. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { z } from 'zod';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const run = promisify(execFile);

const planShape = z.object({
  lines: z.number(),
  rejected: z.number(),
  twins: z.number(),
  sent: z.number(),
  submissions: z.number(),
  cost_usd: z.number(),
  baseline: z.string(),
  savings: z.array(z.object({ step: z.string(), cost_usd: z.number() })),
  expected: z.array(z.object({ route: z.string(), output_from: z.string(), answers: z.number() })),
});
export type Planned = z.output<typeof planShape>;

export async function askPlan(
  file: string,
  configFile: string,
  store: readonly string[],
): Promise<Planned & { readonly ms: number }> {
  const began = performance.now();
  const args = [main, 'plan', file, '--config', configFile, ...store, '--json'];
  const { stdout } = await run(process.execPath, args, { timeout: 120_000 });
  return { ...planShape.parse(JSON.parse(stdout)), ms: performance.now() - began };
}
