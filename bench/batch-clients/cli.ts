/** Our own command line: submit, status, results, list, cancel, dead-letters, retry-dead. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Adapter } from './adapters.ts';
import { plainItems } from './bodies.ts';
import { lineOf } from './openai.ts';
import type { Cell } from './tally.ts';
import { comparable, essence, truth } from './truth.ts';
import { intermodal, pause, type Ran, type World } from './world.ts';

const endpoint = '/v1/chat/completions';

async function batch(world: World, args: readonly string[]): Promise<Ran> {
  const env = { INTERMODAL_URL: world.url, INTERMODAL_KEY: world.key };
  const ran = await intermodal(['batch', ...args], env);
  world.told.push(ran.stdout, ran.stderr);
  return ran;
}

function inputOf(world: World, adapter: Adapter, what: string): string {
  const path = join(world.scene.folder, `cli-${adapter.name}-${what}.jsonl`);
  const lines = plainItems(adapter).map((item) => `${JSON.stringify(lineOf(item, endpoint))}\n`);
  writeFileSync(path, lines.join(''));
  return path;
}

async function checkResults(world: World, cell: Cell, adapter: Adapter, id: string): Promise<void> {
  const path = join(world.scene.folder, `${id}-results.jsonl`);
  const fetched = await batch(world, ['results', id, '--output', path]);
  cell.check(fetched.code === 0, () => `results: ${fetched.stderr}`);
  const lines: { custom_id: string; response: { body: unknown } }[] = readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
  const read = adapter.name === 'jobs' ? essence : (text: string) => text;
  for (const { customId, body } of plainItems(adapter)) {
    const line = lines.find((one) => one.custom_id === customId);
    const wanted = read(await truth(world, endpoint, body));
    const seen = line === undefined ? 'nothing' : read(comparable(line.response.body));
    cell.check(seen === wanted, () => `${seen} instead of ${wanted}`);
  }
}

export async function cliFlow(world: World, cell: Cell, adapter: Adapter): Promise<void> {
  const path = inputOf(world, adapter, 'plain');
  const submitted = await batch(world, ['submit', path, '--wait', '--every', '200ms', '--json']);
  cell.check(submitted.code === 0, () => `submit: ${submitted.code} ${submitted.stderr}`);
  const { id, intermodal: own } = JSON.parse(submitted.stdout);
  cell.check(own.open === 0 && own.deadline_at > 0 && own.saved_usd >= 0, () => JSON.stringify(own));
  const status = await batch(world, ['status', id]);
  cell.check(status.code === 0 && /^status +completed$/m.test(status.stdout), () => status.stdout);
  await checkResults(world, cell, adapter, id);
  const listed = await batch(world, ['list', '--limit', '100']);
  cell.check(listed.stdout.includes(id), () => 'not in the list');
}

/** While every item of a job is refused. */
export async function cliDead(world: World, cell: Cell, adapter: Adapter): Promise<string> {
  const path = inputOf(world, adapter, 'dead');
  const submitted = await batch(world, ['submit', path, '--wait', '--every', '200ms', '--json']);
  cell.check(submitted.code === 2, () => `submit of what fails: ${submitted.code} ${submitted.stderr}`);
  const { id } = JSON.parse(submitted.stdout);
  const count = plainItems(adapter).length;
  const letters = join(world.scene.folder, `${id}-dead.jsonl`);
  const dead = await batch(world, ['dead-letters', id, '--output', letters]);
  const lines = readFileSync(letters, 'utf8').trimEnd().split('\n');
  cell.check(dead.code === 0 && lines.length === count, () => `${lines.length} letters of ${count}`);
  return id;
}

/** When nothing is refused any more. */
export async function cliRetry(world: World, cell: Cell, adapter: Adapter, id: string): Promise<void> {
  const retried = await batch(world, ['retry-dead', id, '--json']);
  const count = plainItems(adapter).length;
  cell.check(JSON.parse(retried.stdout).retried === count, () => retried.stdout + retried.stderr);
  const status = await batch(world, ['status', id, '--wait', '--every', '200ms']);
  cell.check(status.code === 0, () => `after retry-dead: ${status.stdout}`);
  await checkResults(world, cell, adapter, id);
}

/** While jobs are stuck. */
export async function cliCancel(
  world: World,
  cell: Cell,
  adapter: Adapter,
  release: () => Promise<void>,
): Promise<void> {
  const { stdout } = await batch(world, ['submit', inputOf(world, adapter, 'cancel')]);
  const id = stdout.trim();
  await pause(600);
  const cancelled = await batch(world, ['cancel', id]);
  cell.check(cancelled.code === 0, () => `cancel: ${cancelled.stderr}`);
  await release();
  const status = await batch(world, ['status', id, '--wait', '--every', '200ms']);
  cell.check(status.code === 1 && /^status +cancelled$/m.test(status.stdout), () => status.stdout);
}
