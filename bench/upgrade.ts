/** A rolling upgrade under load: replicas of the version before the newest tables are replaced one by one, and nobody notices. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Bench } from './bench.ts';
import { Balancer, pause } from './replicas/balancer.ts';
import { ended, judge, submit } from './replicas/items.ts';
import { startScene } from './replicas/scene.ts';
import { Traffic } from './replicas/traffic.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

const yaml = `
server: { log: error, drain: 20s }
providers:
  openai: { type: openai, api_key: sk-test, base_url: "\${SIMULATOR_URL}/~openai/v1" }
routes:
  nightly: { chain: [openai/gpt-4.1-nano@batch, openai/gpt-4.1-nano] }
  live: { chain: [openai/gpt-4.1-mini] }
`;
const batch = { poll: ['500ms'], retry: ['500ms'], look_again: '3s', lease: '10s', submission_items: 500 };
const plan = { think_ms: 200, batches: [{ duration_ms: 3_000 }] };
const replicas = 3;

export const bench: Bench = {
  about:
    'replicas of the previous schema are upgraded one by one under load: no request fails, no item is lost',
  async run({ print, quick }) {
    const folder = mkdtempSync(join(tmpdir(), 'intermodal-upgrade-'));
    const old = checkOut(join(folder, 'previous'), print);
    const scene = await startScene({ replicas, yaml, batch, plan, main: old });
    try {
      const balancer = new Balancer(scene.replicas);
      const live = new Traffic(balancer, { model: 'live', perSecond: 30, token: 'live', keepAlive: false });
      live.start();
      const items = quick ? 2_000 : 20_000;
      const submitted = await submit(balancer, folder, 'upgrade', items);
      for (let index = 0; index < replicas; index++) {
        await pause(quick ? 3_000 : 10_000);
        await balancer.takeOut(index);
        await scene.stop(index);
        await scene.start(index, join(root, 'src', 'main.ts'));
        balancer.putIn(index);
        print(`replica ${index} is upgraded`);
      }
      await pause(quick ? 3_000 : 10_000);
      const seen = await live.stop();
      const looked = await ended(balancer, submitted, performance.now() + 300_000);
      const outcome =
        looked === undefined
          ? { answered: 0, failed: 0, problems: ['the batch has not ended'] }
          : await judge(balancer, looked, submitted);
      for (const problem of outcome.problems.slice(0, 10)) print(`! ${problem}`);
      const failed = seen.asked - seen.ok;
      print(
        `${seen.ok} of ${seen.asked} calls answered, p99 ${Math.round(seen.p99Ms)} ms; others ${JSON.stringify(seen.others)}`,
      );
      return {
        figure: `${failed} of ${seen.asked} calls failed, ${outcome.answered} of ${items} items answered`,
        wanted: 'no failed call, every item',
        met: failed === 0 && outcome.answered === items && outcome.problems.length === 0,
        data: { seen, outcome },
      };
    } finally {
      await scene.close();
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

/** The version before the newest migration, out of the repository's own history, with the packages of today. */
function checkOut(folder: string, print: (line: string) => void): string {
  const git = (...args: readonly string[]): string =>
    execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();
  const file = 'src/stores/migrations.ts';
  const newest = [...readFileSync(join(root, file), 'utf8').matchAll(/'(\d{4}-[\w-]+)'/g)].at(-1)?.[1];
  if (newest === undefined) throw new Error('There is no migration.');
  const added = git('log', '--format=%H', '--reverse', `-S'${newest}'`, '--', file).split('\n')[0];
  if (added === undefined || added === '')
    throw new Error(`The history does not hold the commit that added ${newest}.`);
  const previous = git('rev-parse', `${added}^`);
  print(`from ${previous.slice(0, 12)}, before ${newest}`);
  mkdirSync(folder);
  const packed = join(folder, 'previous.tar');
  git('archive', '-o', packed, previous);
  execFileSync('tar', ['-xf', packed, '-C', folder]);
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  return join(folder, 'src', 'main.ts');
}
