/** `intermodal serve`: the gateway, and with `--simulate` the providers' stand-ins beside it. */
import cluster from 'node:cluster';
import { availableParallelism } from 'node:os';
import { Command, InvalidArgumentError } from 'commander';
import { type ServiceOptions, startService } from './service.ts';
import { printWelcome } from './welcome.ts';
import { runWorkers } from './workers/primary.ts';
import { shareDecisions, shareMetrics, tellServing } from './workers/worker.ts';

interface Options {
  readonly config: string;
  readonly host?: string;
  readonly port?: number;
  readonly simulate?: boolean;
  readonly json?: boolean;
  readonly store?: string;
  readonly workers: number;
}

const mostWorkers = 256;

export const serve = new Command('serve')
  .description('Serve the gateway.')
  .option('-c, --config <file>', 'the YAML file to serve', 'config/production.yaml')
  .option('--host <host>', 'address to listen on, over the one in the config')
  .option('--port <port>', 'port to listen on, over the one in the config', Number)
  .option('--store <url>', 'where the ledger and the keys are kept, over the config')
  .option('--workers <n>', 'processes that serve as one, or auto: one for each core', readWorkers, 1)
  .option('--simulate', 'start the provider simulator too, on SIMULATOR_PORT or 4010')
  .option('--json', 'print one JSON line with the address instead of the welcome')
  .action(async (options: Options) => {
    if (cluster.isWorker) return serveAsWorker(options);
    if (options.workers > 1) return serveByWorkers(options);
    const service = await startService({ ...optionsOf(options), simulate: options.simulate === true });
    if (options.json === true) printJson(service.url, service.simulatorUrl);
    else process.stdout.write(printWelcome(service));
    await service.stopped;
  });

function readWorkers(text: string): number {
  if (text === 'auto') return availableParallelism();
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= mostWorkers) return count;
  throw new InvalidArgumentError(`Write a number from 1 to ${mostWorkers}, or auto.`);
}

function serveByWorkers(options: Options): Promise<void> {
  return runWorkers({
    configFile: options.config,
    count: options.workers,
    simulate: options.simulate === true,
    store: options.store,
    onServing({ url, welcome }) {
      if (options.json === true) printJson(url, undefined);
      else process.stdout.write(`${options.workers} workers\n${welcome}`);
    },
    onTrouble: (message) => console.error(message),
  });
}

/** The primary passes signals on; what a terminal sends to all its processes would come twice. */
async function serveAsWorker(options: Options): Promise<void> {
  process.on('SIGINT', () => {});
  const service = await startService({
    ...optionsOf(options),
    simulate: false,
    stopOn: ['SIGTERM'],
    onMetrics: shareMetrics,
    shareDecisions,
  });
  tellServing(service.url, printWelcome(service));
  await service.stopped;
  // The channel to the primary would keep it alive.
  process.disconnect();
}

function optionsOf({ config, host, port, store }: Options): Omit<ServiceOptions, 'simulate'> {
  return {
    configFile: config,
    ...(host === undefined ? {} : { host }),
    ...(port === undefined ? {} : { port }),
    ...(store === undefined ? {} : { store }),
  };
}

function printJson(url: string, simulator: string | undefined): void {
  process.stdout.write(`${JSON.stringify({ url, simulator })}\n`);
}
