/**
 * Kills the gateway with SIGKILL at every named place of the batch road, before and after each intent, call and write, over all adapters, and starts
 * it again on the same store: in the end every item has exactly one result, and nothing is paid twice but what the ledger declares unknowable.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bench } from './bench.ts';
import { type Adapter, adapters, plan } from './crash/adapters.ts';
import { type Audit, audit, type BillLine } from './crash/bill.ts';
import { Campaign, type Played } from './crash/campaign.ts';
import { roundsOf, variants } from './crash/rounds.ts';
import { type Program, startProgram } from './fleet/program.ts';

const leastKills = 300;
/** Campaigns of one adapter, side by side: most of a round is waiting. */
const sideBySide = 2;
/** No new round is begun after this. */
const longestMs = 600_000;
const quickRounds = 6;

interface Fought {
  readonly adapter: string;
  readonly played: readonly (Played & { readonly audit: Audit })[];
  readonly problems: readonly string[];
}

export const bench: Bench = {
  about: 'kill -9 at every step of the batch road: one result an item, nothing paid twice undeclared.',
  async run({ quick, print }) {
    const folder = mkdtempSync(join(tmpdir(), 'intermodal-crash-'));
    const planFile = join(folder, 'plan.json');
    writeFileSync(planFile, JSON.stringify(plan));
    const simulator = await startProgram(['simulate', '--port', '0', '--faults', planFile]);
    const receiver = await startReceiver();
    try {
      const fought = await Promise.all(
        adapters.flatMap((adapter) =>
          Array.from({ length: quick ? 1 : sideBySide }, (_, part) =>
            fight({ adapter, part, folder, simulator, webhook: receiver.url, quick, print }),
          ),
        ),
      );
      return figures(fought, quick, print);
    } finally {
      receiver.close();
      await simulator.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

interface FightOptions {
  readonly adapter: Adapter;
  readonly part: number;
  readonly folder: string;
  readonly simulator: Program;
  readonly webhook: string;
  readonly quick: boolean;
  readonly print: (line: string) => void;
}

/** One campaign: unbroken batches first, to learn the places, then its part of the rounds. */
async function fight(options: FightOptions): Promise<Fought> {
  const { adapter, part, folder, simulator, quick, print } = options;
  const end = performance.now() + longestMs;
  const name = `${adapter.name}-${part}`;
  const { webhook } = options;
  const campaign = await Campaign.open({ adapter, name, folder, simulatorUrl: simulator.url, webhook });
  const played: Played[] = [];
  const problems: string[] = [];
  try {
    for (const variant of variants) played.push(await campaign.play({ variant, breaks: [] }));
    const all = roundsOf(played).filter((_, index) => quick || index % sideBySide === part);
    const stride = Math.ceil(all.length / quickRounds);
    const rounds = quick ? all.filter((_, index) => index % stride === 0) : all;
    for (const round of rounds) {
      if (performance.now() > end) {
        print(
          `  ${name}: ${rounds.length - played.length + variants.length} rounds were left out for want of time`,
        );
        break;
      }
      const one = await campaign.play(round);
      played.push(one);
      const where = round.breaks.map(({ place, passing }) => `${place} (${passing})`).join(', ');
      if (quick)
        print(`  ${name} ${round.variant} ${where}: ${one.kills.length} kills, ${Math.round(one.ms)} ms`);
      if (one.problems.length > 0) print(`! ${name} ${round.variant} ${where}: ${one.problems.join('; ')}`);
    }
    problems.push(...(await untold(campaign, played)));
    const bill = await billOf(simulator);
    const entries = await campaign.stores.ledger.list({}, 1_000_000);
    const audited = await Promise.all(
      played.map(async (one) => ({
        ...one,
        audit: audit(
          one,
          bill.filter(({ note }) => note?.startsWith(`${one.token}-`)),
          entries.filter(({ requestId }) => requestId.split(':')[0] === one.batch.id),
          (await campaign.stores.batch.submissions.ofBatch(one.batch.no)).map(({ id }) => id),
        ),
      })),
    );
    for (const { audit: found, round } of audited)
      if (found.problems.length > 0)
        print(`! ${name} ${round.variant} ${JSON.stringify(round.breaks)}: ${found.problems.join('; ')}`);
    return { adapter: adapter.name, played: audited, problems };
  } catch (thrown) {
    print(`! ${name}: ${thrown instanceof Error ? thrown.stack : thrown}`);
    return { adapter: adapter.name, played: [], problems: [String(thrown)] };
  } finally {
    await campaign.close();
  }
}

/** Batches whose end no webhook was told of. A message that was being sent when its process died is sent when its claim has run out. */
async function untold(campaign: Campaign, played: readonly Played[]): Promise<readonly string[]> {
  const latest = performance.now() + 90_000;
  for (;;) {
    const open: string[] = [];
    for (const { batch, round } of played) {
      const deliveries = await campaign.stores.batch.deliveries.ofBatch(batch.no);
      const [only] = deliveries;
      if (deliveries.length !== 1 || only?.deliveredAtMs === undefined)
        open.push(
          `${batch.id} has ${deliveries.length} webhooks, delivered: ${only?.deliveredAtMs !== undefined}, after ${JSON.stringify(round.breaks)}`,
        );
    }
    if (open.length === 0 || performance.now() > latest) return open;
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
}

async function billOf(simulator: Program): Promise<readonly BillLine[]> {
  const response = await fetch(`${simulator.url}/~simulator/invoice?format=jsonl`);
  return (await response.text())
    .split('\n')
    .filter((line) => line !== '')
    .map((line): BillLine => JSON.parse(line));
}

async function startReceiver(): Promise<{ readonly url: string; close(): void }> {
  const server = createServer((incoming, outgoing) => {
    incoming.resume();
    incoming.once('end', () => outgoing.writeHead(204).end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

function figures(fought: readonly Fought[], quick: boolean, print: (line: string) => void) {
  const places = new Set<string>();
  let [kills, wrong, items, again] = [0, 0, 0, 0];
  const unknown = { submissions: 0, calls: 0 };
  for (const { name } of adapters) {
    const mine = fought.filter(({ adapter }) => adapter === name);
    const played = mine.flatMap((one) => one.played);
    const own = played.flatMap((one) => one.kills);
    for (const { place } of own) places.add(place);
    const bad =
      mine.flatMap((one) => one.problems).length +
      played.filter((one) => one.problems.length + one.audit.problems.length > 0).length;
    const twice = played.reduce((sum, one) => sum + one.audit.again, 0);
    const calls = played.reduce((sum, one) => sum + one.audit.unknown.calls, 0);
    const submissions = played.reduce((sum, one) => sum + one.audit.unknown.submissions, 0);
    for (const problem of mine.flatMap((one) => one.problems)) print(`! ${name}: ${problem}`);
    print(
      `  ${name.padEnd(10)} ${String(own.length).padStart(4)} kills at ${new Set(own.map(({ place }) => place)).size} places in ${played.length} batches; ${bad} with faults; ${twice} items paid again, ${submissions} submissions and ${calls} calls declared unknowable`,
    );
    kills += own.length;
    wrong += bad;
    again += twice;
    unknown.calls += calls;
    unknown.submissions += submissions;
    items += played.reduce((sum, { batch }) => sum + batch.counts.total, 0);
  }
  return {
    figure: `${kills} kills at ${places.size} places over ${adapters.length} adapters, ${items} items; ${wrong} batches with a lost or double result, an undeclared second payment or an untold end; ${again} items paid again, all declared (${unknown.submissions} submissions, ${unknown.calls} calls unknown)`,
    wanted: `at least ${leastKills} kills, 0 batches with faults`,
    met: wrong === 0 && (quick || kills >= leastKills),
    data: {
      kills,
      places: [...places].sort(),
      batches: fought.flatMap(({ adapter, played }) =>
        played.map(({ round, kills: own, problems, audit: found, ms, batch }) => ({
          adapter,
          id: batch.id,
          ...round,
          kills: own,
          problems,
          audit: found,
          ms: Math.round(ms),
        })),
      ),
    },
  };
}
