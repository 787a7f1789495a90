/** `npm run bench` lists the proofs; `npm run bench NAME [-- --json --quick --recordings DIR]` runs one and exits 1 when it falls short. */
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Bench } from './bench.ts';

const here = dirname(fileURLToPath(import.meta.url));
const notProofs = new Set(['run', 'bench']);

const { values, positionals } = parseArgs({
  // npm takes the two dashes away before it passes on what is behind them; node does not.
  args: process.argv.slice(2).filter((one) => one !== '--'),
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    recordings: { type: 'string', default: join(here, '..', '..', 'shared', 'recordings') },
  },
});

const names = readdirSync(here)
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.slice(0, -3))
  .filter((name) => !notProofs.has(name))
  .sort();

async function load(name: string): Promise<Bench> {
  const module: { bench: Bench } = await import(`./${name}.ts`);
  return module.bench;
}

const [name] = positionals;
if (name === undefined) {
  for (const each of names) console.log(`${each.padEnd(14)}${(await load(each)).about}`);
  console.log('\nnpm run bench NAME [-- --json --quick --recordings DIR]');
} else if (!names.includes(name)) {
  console.error(`There is no proof "${name}". There are: ${names.join(', ')}.`);
  process.exitCode = 2;
} else {
  const bench = await load(name);
  const print = values.json ? () => {} : (line: string) => console.log(line);
  const result = await bench.run({ recordings: values.recordings, quick: values.quick, print });
  const verdict = result.met ? 'met' : 'short';
  if (values.json) console.log(JSON.stringify({ name, ...result }));
  else
    console.log(
      `${name}: ${result.figure} (wanted: ${result.wanted}) ${verdict}${values.quick ? ' (quick run: no proof)' : ''}`,
    );
  process.exitCode = result.met ? 0 : 1;
}
// Peers and servers that a proof started are its own to end; what lingers must not keep the command alive.
process.exit();
