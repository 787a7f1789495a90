/**
 * The command line: which commands there are, and what becomes of what they throw. Each is one file beside this one, and only the one that is
 * asked for is loaded: small commands need not wait for the gateway.
 */
import { Command } from 'commander';
import { GatewayError } from '../core/errors.ts';
import { StoreError } from '../stores/store-error.ts';
import { ConfigError } from './config-error.ts';
import { version } from './version.ts';

const commands: Readonly<Record<string, () => Promise<Command>>> = {
  serve: async () => (await import('./serve.ts')).serve,
  canary: async () => (await import('./canary.ts')).canary,
  check: async () => (await import('./check.ts')).check,
  explain: async () => (await import('./explain.ts')).explain,
  drill: async () => (await import('./drill.ts')).drill,
  plan: async () => (await import('./plan.ts')).plan,
  eval: async () => (await import('./eval/eval.ts')).evaluate,
  train: async () => (await import('./train.ts')).trainCommand,
  batch: async () => (await import('./batch/batch.ts')).batch,
  keys: async () => (await import('./keys.ts')).keys,
  spend: async () => (await import('./spend.ts')).spend,
  simulate: async () => (await import('./simulate.ts')).simulate,
};

export async function run(): Promise<void> {
  const program = new Command('intermodal')
    .description('An LLM gateway: one endpoint, every provider, routes in YAML.')
    .version(version)
    .showHelpAfterError('(add --help for what is possible)');
  const asked = process.argv[2] ?? '';
  // Help, and a name that is misspelt, want all of them.
  const wanted = Object.hasOwn(commands, asked) ? [asked] : Object.keys(commands);
  try {
    for (const name of wanted) {
      const command = await commands[name]?.();
      if (command !== undefined) program.addCommand(command);
    }
    await program.parseAsync();
  } catch (thrown) {
    // What a user can mend is told in a line; a defect keeps its stack.
    const known = [ConfigError, GatewayError, StoreError].some((kind) => thrown instanceof kind);
    if (!(known && thrown instanceof Error) && !isSystemError(thrown)) throw thrown;
    console.error(thrown.message);
    process.exitCode = 1;
  }
}

/** Such as a port in use, or a file that is not there. */
function isSystemError(thrown: unknown): thrown is Error {
  return thrown instanceof Error && 'syscall' in thrown;
}
