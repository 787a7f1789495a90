/** Public outcomes of several models on the same prompts. They are not part of this repository: a folder of them is given by ROUTING_DATA. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readLabelled } from '../../src/cli/eval/read-samples.ts';
import type { Sample } from '../../src/evaluation/routers.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
export const dataFolder = process.env['ROUTING_DATA'] ?? join(root, '..', 'shared', 'routing-data');

export interface SetName {
  readonly file: string;
  readonly weak: string;
  readonly strong: string;
}

const mixtral = { weak: 'mixtral-8x7b', strong: 'gpt-4-1106' };
const claude = { weak: 'claude-3-5-haiku-20241022', strong: 'claude-3-5-sonnet-20241022' };
export const sets = {
  mmlu: { file: 'routellm_mmlu', ...mixtral },
  gsm8k: { file: 'routellm_gsm8k', ...mixtral },
  zeroGsm: { file: 'zeroeval_gsm', ...claude },
  zeroCrux: { file: 'zeroeval_crux', ...claude },
} as const satisfies Readonly<Record<string, SetName>>;

/** As `complexity.chars` has it by default. */
export const mostChars = 500;

export function isThere(): boolean {
  return Object.values(sets).every(({ file }) => existsSync(join(dataFolder, `${file}.jsonl.gz`)));
}

const read = new Map<string, readonly Sample[]>();

export function samplesFrom({ file, weak, strong }: SetName): readonly Sample[] {
  const known = read.get(file);
  if (known !== undefined) return known;
  const path = join(dataFolder, `${file}.jsonl.gz`);
  const { samples } = readLabelled([path], { weak, strong, mostChars }, () => performance.now() * 1000);
  read.set(file, samples);
  return samples;
}
