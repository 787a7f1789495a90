/** The official Python clients, where Python and its packages can be had. */
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Adapter } from './adapters.ts';
import { chatItems, messageItems } from './bodies.ts';
import { lineOf } from './openai.ts';
import type { Cell } from './tally.ts';
import { comparable, essence, truth } from './truth.ts';
import { runCommand, type World } from './world.ts';

const script = (name: string): string => fileURLToPath(new URL(`python/${name}.py`, import.meta.url));

/** The Python that has both packages; `undefined`: there is none. Kept for the next run. */
export async function findPython(): Promise<string | undefined> {
  const folder = join(tmpdir(), 'intermodal-bench-python');
  const python = join(folder, 'bin', 'python');
  const works = async (): Promise<boolean> =>
    existsSync(python) && (await runCommand(python, ['-c', 'import openai, anthropic'])).code === 0;
  try {
    if (await works()) return python;
    if ((await runCommand('python3', ['-m', 'venv', folder])).code !== 0) return undefined;
    await runCommand(join(folder, 'bin', 'pip'), ['install', '-q', 'openai', 'anthropic']);
    return (await works()) ? python : undefined;
  } catch {
    return undefined;
  }
}

interface Told {
  readonly status: string;
  readonly listed: boolean;
  readonly other: number;
  readonly results: readonly { readonly custom_id: string; readonly body: object | null }[];
}

async function ask(world: World, python: string, name: string, input: object): Promise<Told> {
  const text = JSON.stringify({ url: world.url, key: world.key, other: world.otherKey, ...input });
  const { code, stdout, stderr } = await runCommand(python, [script(name), text]);
  world.told.push(stdout, stderr);
  if (code !== 0) throw new Error(stderr.slice(-500));
  return JSON.parse(stdout);
}

const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([name, one]) => [name, sorted(one)]));
};
const canonical = (text: string): string => JSON.stringify(sorted(JSON.parse(text)));

async function check(
  world: World,
  cell: Cell,
  path: string,
  items: readonly { readonly customId: string; readonly kind: string; readonly body: object }[],
  told: Told,
  read: (text: string) => string,
): Promise<void> {
  cell.check(['completed', 'ended'].includes(told.status), () => `it ended ${told.status}`);
  cell.check(told.listed, () => 'not in the list');
  cell.check(told.other === 404, () => `another key was told ${told.other}`);
  const byId = new Map(told.results.map((one) => [one.custom_id, one.body]));
  for (const { customId, kind, body } of items) {
    const seen = byId.get(customId) ?? undefined;
    const wanted = read(await truth(world, path, body));
    const got = seen === undefined ? 'nothing' : read(comparable(seen));
    cell.check(got === wanted, () => `${kind}: ${got} instead of ${wanted}`);
  }
}

export async function pythonOpenAi(
  world: World,
  cell: Cell,
  adapter: Adapter,
  python: string,
): Promise<void> {
  const items = chatItems(adapter);
  const endpoint = '/v1/chat/completions';
  const told = await ask(world, python, 'openai_batch', {
    lines: items.map((item) => lineOf(item, endpoint)),
    endpoint,
  });
  await check(world, cell, endpoint, items, told, adapter.name === 'jobs' ? essence : canonical);
}

export async function pythonAnthropic(
  world: World,
  cell: Cell,
  adapter: Adapter,
  python: string,
): Promise<void> {
  const items = messageItems(adapter);
  const told = await ask(world, python, 'anthropic_batch', {
    requests: items.map(({ customId, body }) => ({ custom_id: customId, params: body })),
  });
  await check(world, cell, '/v1/messages', items, told, canonical);
}
