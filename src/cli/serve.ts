/** `intermodal serve`: the gateway, and with `--simulate` the providers' stand-ins beside it. */
import { Command } from 'commander';
import { startService } from './service.ts';
import { printWelcome } from './welcome.ts';

export const serve = new Command('serve')
  .description('Serve the gateway.')
  .option('-c, --config <file>', 'the YAML file to serve', 'config/production.yaml')
  .option('--host <host>', 'address to listen on, over the one in the config')
  .option('--port <port>', 'port to listen on, over the one in the config', Number)
  .option('--store <url>', 'where the ledger and the keys are kept, over the config')
  .option('--simulate', 'start the provider simulator too, on SIMULATOR_PORT or 4010')
  .option('--json', 'print one JSON line with the address instead of the welcome')
  .action(
    async (options: {
      config: string;
      host?: string;
      port?: number;
      simulate?: boolean;
      json?: boolean;
      store?: string;
    }) => {
      const service = await startService({
        configFile: options.config,
        simulate: options.simulate === true,
        ...(options.host === undefined ? {} : { host: options.host }),
        ...(options.port === undefined ? {} : { port: options.port }),
        ...(options.store === undefined ? {} : { store: options.store }),
      });
      if (options.json === true)
        process.stdout.write(`${JSON.stringify({ url: service.url, simulator: service.simulatorUrl })}\n`);
      else process.stdout.write(printWelcome(service));
      await service.stopped;
    },
  );
