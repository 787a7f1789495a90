/**
 * The official SDKs, untouched, and our command line, sending batches through a gateway's process onto every provider's batch API. Results are held to what a sync
 * call of the same body answers.
 */

import { adapters, batchSettings, usualPlan, yaml } from './batch-clients/adapters.ts';
import { anthropicCancel, anthropicFlow, anthropicMixed } from './batch-clients/anthropic.ts';
import { cliCancel, cliDead, cliFlow, cliRetry } from './batch-clients/cli.ts';
import { jobsFlow } from './batch-clients/jobs.ts';
import { idsOfProviders } from './batch-clients/leaks.ts';
import { openAiCancel, openAiFlow, openAiMixed } from './batch-clients/openai.ts';
import { findPython, pythonAnthropic, pythonOpenAi } from './batch-clients/python.ts';
import { type Cell, Tally } from './batch-clients/tally.ts';
import { makeKey, pause, recording, until, type World } from './batch-clients/world.ts';
import type { Bench } from './bench.ts';
import { startScene } from './road/scene.ts';

const names = adapters.map(({ name }) => name);
const mixed = 'mixed';
const mostTold = 60;
const mostLetters = 1_000;
/** Flows at once; more would wait for the processor. */
const atOnce = 4;

type Flow = (cell: Cell, adapter: (typeof adapters)[number]) => Promise<void>;

export const bench: Bench = {
  about: 'The official SDKs’ batches, and ours, against every provider’s batch API.',
  async run({ quick, print }) {
    const scene = await startScene({ yaml, batch: batchSettings, plan: usualPlan });
    const tally = new Tally();
    const clients: string[] = [];
    const chosen = quick ? adapters.filter(({ least }) => least === 1) : adapters;
    const everywhere: Everywhere = async (client, flow, among = names): Promise<void> => {
      const began = performance.now();
      if (!clients.includes(client)) clients.push(client);
      const waiting = chosen.filter(({ name }) => among.includes(name));
      const work = async (): Promise<void> => {
        for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
          const adapter = next;
          await tally.run(client, adapter.name, (cell) => flow(cell, adapter));
        }
      };
      await Promise.all(Array.from({ length: atOnce }, work));
      print(`${client}: ${Math.round((performance.now() - began) / 100) / 10} s`);
    };
    try {
      const told: string[] = [];
      const key = await makeKey(scene, 'bench');
      const otherKey = await makeKey(scene, 'other');
      const world: World = {
        scene,
        url: scene.gateway.url,
        key,
        otherKey,
        told,
        fetch: recording(told),
      };
      await until(
        () => fetch(`${world.url}/v1/models`),
        ({ status }) => status === 401,
      );
      await pause(300);
      await everywhere('openai (Node)', (cell, adapter) => openAiFlow(world, cell, adapter));
      await tally.run('openai (Node)', mixed, (cell) => openAiMixed(world, cell, adapters));
      await everywhere('anthropic (Node)', (cell, adapter) => anthropicFlow(world, cell, adapter));
      await tally.run('anthropic (Node)', mixed, (cell) => anthropicMixed(world, cell, adapters));
      await everywhere('jobs (fetch)', (cell, adapter) => jobsFlow(world, cell, adapter));
      const python = quick ? undefined : await findPython();
      if (python === undefined) print('The Python clients are left out: a quick run, or no pip.');
      else {
        await everywhere(
          'openai (Python)',
          (cell, adapter) => pythonOpenAi(world, cell, adapter, python),
          oneOfEach,
        );
        await everywhere(
          'anthropic (Python)',
          (cell, adapter) => pythonAnthropic(world, cell, adapter, python),
          oneOfEach,
        );
      }
      await everywhere('intermodal batch', (cell, adapter) => cliFlow(world, cell, adapter), oneOfEach);
      await fail(world, everywhere);
      await stick(world, everywhere);
      await tally.run('all', mixed, (cell) => idsOfProviders(world, cell));
    } finally {
      for (const line of scene.gateway.complaint().split('\n'))
        if (line !== '' && !line.includes('too many items of a submission failed')) print(line);
      await scene.close();
    }
    for (const failure of tally.failures.slice(0, mostTold)) print(`  ${failure.slice(0, mostLetters)}`);
    for (const row of tally.table([...clients, 'all'], [...names, mixed])) print(row);
    const total = tally.passed + tally.failures.length;
    return {
      figure: `${tally.passed}/${total} checks`,
      wanted: 'all',
      met: tally.failures.length === 0,
      data: { passed: tally.passed, total, failures: tally.failures },
    };
  },
};

type Everywhere = (client: string, flow: Flow, among?: readonly string[]) => Promise<void>;
/** A program takes a second to start, so Python and our command line are not run for every place that lines may lie in. */
const oneOfEach = ['openai', 'azure', 'anthropic', 'gemini-gcs', 'bedrock-claude', 'jobs'];
/** What is refused, tried again and cancelled by command: a provider of files, one with a least number of items, one that cannot cancel. */
const unlike = ['openai', 'bedrock-claude', 'jobs'];

/** Items that are refused, and tried again when they are not. */
async function fail(world: World, everywhere: Everywhere): Promise<void> {
  const ids = new Map<string, string>();
  const refusing = { batches: [{ duration_ms: 250, item_invalid: 100 }] };
  await world.scene.control('POST', 'faults', refusing);
  await everywhere(
    'intermodal batch',
    async (cell, adapter) => {
      ids.set(adapter.name, await cliDead(world, cell, adapter));
    },
    unlike,
  );
  await world.scene.control('POST', 'faults', usualPlan);
  await everywhere(
    'intermodal batch',
    async (cell, adapter) => {
      const id = ids.get(adapter.name);
      if (id !== undefined) await cliRetry(world, cell, adapter, id);
    },
    unlike,
  );
}

/** Jobs that never end, cancelled. Those that cannot be are let go at the end. */
async function stick(world: World, everywhere: Everywhere): Promise<void> {
  await world.scene.control('POST', 'faults', { batches: [{ stuck: 100 }] });
  const release = async (): Promise<void> => {
    await pause(1_000);
    await world.scene.control('POST', 'jobs/finish');
  };
  const released = (adapter: { readonly name: string }): Promise<void> =>
    adapter.name === 'jobs' ? release() : Promise.resolve();
  await everywhere('openai (Node)', (cell, adapter) =>
    openAiCancel(world, cell, adapter, () => released(adapter)),
  );
  await everywhere('anthropic (Node)', (cell, adapter) =>
    anthropicCancel(world, cell, adapter, () => released(adapter)),
  );
  await everywhere(
    'intermodal batch',
    (cell, adapter) => cliCancel(world, cell, adapter, () => released(adapter)),
    unlike,
  );
  await world.scene.control('POST', 'faults', usualPlan);
}
