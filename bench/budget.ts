/**
 * 1,000 clients race for one dollar over four gateways. Streams break, callers hang up, a gateway is killed in the middle. The providers' own
 * bill must never pass the dollar, nearly all of it must be used, and the ledger must say what the bill says.
 */
import { Redis } from 'ioredis';
import type { Bench } from './bench.ts';
import {
  type InvoiceReport,
  type Part,
  type Purse,
  type Reconciled,
  readInvoice,
  readLedger,
  readPurse,
  reconcile,
} from './budget/books.ts';
import { type Race, startRace } from './budget/race.ts';
import { capNanoUsd, gatewayCount, plan, yaml } from './budget/scene.ts';
import { type Fleet, startFleet } from './fleet/fleet.ts';

const wantedUse = 0.98;
/** A dead process is noticed after ten seconds of silence. */
const settleMs = 20_000;
const killAt = 0.35;
const cent = 10_000_000;

export const bench: Bench = {
  about: 'A thousand clients race for one dollar over four gateways, one of them killed: never a cent over.',
  async run({ quick, print }) {
    const clients = quick ? 200 : 1_000;
    const fleet = await startFleet({ gateways: gatewayCount, yaml: yaml(), plan });
    const redis = new Redis(fleet.redis.url);
    try {
      print(`  ${clients} clients, ${gatewayCount} gateways, ${dollars(capNanoUsd)}`);
      const { race, death } = await runRace(fleet, clients, print);
      const settledMs = await settled(fleet, redis);
      const invoice = await readInvoice(fleet, 200_000);
      const purse = await readPurse(redis);
      const books = reconcile(invoice, await readLedger(fleet));
      return judge({ race, death, invoice, purse, books, settledMs, print });
    } finally {
      redis.disconnect();
      await fleet.close();
    }
  },
};

/** The gateway that died, and when. */
interface Death {
  readonly url: string;
  readonly atMs: number;
}

async function runRace(
  fleet: Fleet,
  clients: number,
  print: (line: string) => void,
): Promise<{ readonly race: Race; readonly death: Death | undefined }> {
  const killed = new Set<string>();
  const race = startRace({
    // A load balancer has seen it too.
    urls: () => fleet.gateways.map(({ url }) => url).filter((url) => !killed.has(url)),
    clients,
    seed: 1,
    wasKilled: (url) => killed.has(url),
  });
  const startedMs = performance.now();
  let over = false;
  const end = race.done.finally(() => {
    over = true;
  });
  while (!over && (await readInvoice(fleet, 0)).totalNanoUsd < killAt * capNanoUsd) await sleep(20);
  const [, victim] = fleet.gateways;
  let death: Death | undefined;
  if (victim !== undefined) {
    killed.add(victim.url);
    await victim.kill();
    death = { url: victim.url, atMs: performance.now() };
    print(
      `  a gateway is killed at ${dollars((await readInvoice(fleet, 0)).totalNanoUsd)} and started again`,
    );
    await fleet.restart(1);
  }
  await end;
  print(`  all were refused after ${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
  return { race, death };
}

/** Until nothing runs, nothing is held and every ledger is written. */
async function settled(fleet: Fleet, redis: Redis): Promise<number | undefined> {
  const startedMs = performance.now();
  while (performance.now() - startedMs < settleMs) {
    const { open } = await readInvoice(fleet, 0);
    const { heldNanoUsd } = await readPurse(redis);
    const pending = await Promise.all(fleet.gateways.map(pendingOf));
    if (open === 0 && heldNanoUsd === 0 && pending.every((count) => count === 0))
      return Math.round(performance.now() - startedMs);
    await sleep(100);
  }
  return undefined;
}

async function pendingOf({ url }: { readonly url: string }): Promise<number> {
  return JSON.parse(await (await fetch(`${url}/health`)).text()).ledger.pending;
}

interface Outcome {
  readonly race: Race;
  readonly death: Death | undefined;
  readonly invoice: InvoiceReport;
  readonly purse: Purse;
  readonly books: Reconciled;
  readonly settledMs: number | undefined;
  readonly print: (line: string) => void;
}

function judge({ race, death, invoice, purse, books, settledMs, print }: Outcome) {
  const { known, cut, killed, missing, wrong } = books;
  const fates = Object.fromEntries(
    [...Map.groupBy(race.runs, ({ fate }) => fate)].map(([fate, list]) => [fate, list.length]),
  );
  const ledger = known.ledgerNanoUsd + cut.ledgerNanoUsd + killed.ledgerNanoUsd;
  const used = purse.usedNanoUsd / capNanoUsd;
  print(`  ${race.runs.length} requests: ${JSON.stringify(fates)}`);
  print(`  settled ${settledMs === undefined ? 'not at all' : `${settledMs} ms later`}`);
  for (const one of [known, cut, killed, missing]) print(`  ${describePart(one)}`);
  if (missing.lines > 0) print(`  ${describeMissing(books.missingNumbers, race, death)}`);
  // Money for a time without Redis is set aside too: one per cent of the cap for all processes, and what the dead one had of it.
  const kept = purse.usedNanoUsd - known.ledgerNanoUsd - killed.ledgerNanoUsd - missing.invoicedNanoUsd;
  print(
    `  budget: ${dollars(purse.usedNanoUsd)} used: ${dollars(known.ledgerNanoUsd + missing.invoicedNanoUsd)} known, ${dollars(killed.ledgerNanoUsd)} for killed calls, ${dollars(kept)} kept for cut ones and for a time without Redis; ${dollars(purse.heldNanoUsd)} held`,
  );
  for (const { number, ledger: written, invoiced } of wrong.slice(0, 10))
    print(`  ${number}: ${written} n$ in the ledger, ${invoiced} n$ billed`);
  for (const { status, end, text } of race.failures.slice(0, 10))
    print(`  failed: ${status} ${end} ${text.slice(0, 200)}`);
  return {
    figure:
      `${dollars(invoice.totalNanoUsd)} billed, ${(used * 100).toFixed(1)} % of the budget used; ` +
      `${known.entries} known calls, ${wrong.length} not exact; ledger less bill ${dollars(ledger - invoice.totalNanoUsd)}; ` +
      `${missing.lines} calls missing, ${race.failures.length} failures`,
    wanted:
      'at most $1.0000, at least 98 %, 0 not exact, within a cent or on the safe side by what is unknown, 0 missing, 0 failures',
    met:
      invoice.totalNanoUsd <= capNanoUsd &&
      purse.usedNanoUsd <= capNanoUsd &&
      used >= wantedUse &&
      settledMs !== undefined &&
      wrong.length === 0 &&
      missing.lines === 0 &&
      Math.abs(cut.ledgerNanoUsd - cut.invoicedNanoUsd) < cent &&
      killed.ledgerNanoUsd >= killed.invoicedNanoUsd &&
      race.failures.length === 0,
    data: {
      fates,
      invoice: { ...invoice, lines: [] },
      purse,
      known,
      cut,
      killed,
      missing,
      wrong,
      ledger,
    },
  };
}

/** Whose calls they are, and how long before its death it had answered the first of them. */
function describeMissing(numbers: readonly number[], { runs }: Race, death: Death | undefined): string {
  const theirs = numbers.flatMap((number) => runs[number] ?? []).filter(({ url }) => url === death?.url);
  const earliestMs = Math.min(...theirs.map(({ endedMs }) => endedMs));
  return `${theirs.length} of the ${numbers.length} missing were at the killed gateway, the first of them ended ${((death?.atMs ?? 0) - earliestMs).toFixed(0)} ms before it died`;
}

const describePart = ({ name, entries, ledgerNanoUsd, lines, invoicedNanoUsd }: Part): string =>
  `${name.padEnd(8)} ${String(entries).padStart(6)} entries ${dollars(ledgerNanoUsd)}, ${String(lines).padStart(6)} lines billed ${dollars(invoicedNanoUsd)}`;

const dollars = (nanoUsd: number): string => `$${(nanoUsd / 1e9).toFixed(6)}`;
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
