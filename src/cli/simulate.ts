/** `intermodal simulate`: the provider stand-ins alone, for other gateways, SDKs and experiments. */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { parse } from 'yaml';
import { faultPlanSchema } from '../simulator/faults.ts';
import { startSimulator } from '../simulator/server.ts';
import { ConfigError } from './config-error.ts';

export const simulate = new Command('simulate')
  .description('Stand in for every provider on one port.')
  .option('-p, --port <port>', 'port to listen on', Number, 4010)
  .option('--host <host>', 'address to listen on', '127.0.0.1')
  .option('-f, --faults <file>', 'YAML with faults and limits')
  .option('--json', 'print one JSON line with the address')
  .action(async (options: { port: number; host: string; faults?: string; json?: boolean }) => {
    const plan = faultPlanSchema.safeParse(
      options.faults === undefined ? {} : parse(readFileSync(options.faults, 'utf8')),
    );
    if (!plan.success) throw new ConfigError(`${options.faults}: ${plan.error.message}`);
    const simulator = await startSimulator({ port: options.port, host: options.host, faults: plan.data });
    const { url } = simulator;
    const lines = [
      `Simulated providers listen on ${url}`,
      `  OpenAI      baseURL   ${url}/v1`,
      `  Azure       endpoint  ${url}`,
      `  Anthropic   baseURL   ${url}`,
      `  Vertex      baseUrl   ${url}`,
      `  Bedrock     endpoint  ${url}`,
      `  faults      POST      ${url}/~simulator/faults`,
      `  requests    GET       ${url}/~simulator/requests`,
    ];
    console.log(options.json === true ? JSON.stringify({ url }) : lines.join('\n'));
    await new Promise<void>((resolve) => {
      process.once('SIGINT', resolve);
      process.once('SIGTERM', resolve);
    });
    await simulator.close();
  });
