#!/usr/bin/env node
/** The command line. Each command is one file under cli/. */
import { Command } from 'commander';
import { batch } from './cli/batch/batch.ts';
import { canary } from './cli/canary.ts';
import { check } from './cli/check.ts';
import { drill } from './cli/drill.ts';
import { evaluate } from './cli/eval/eval.ts';
import { explain } from './cli/explain.ts';
import { keys } from './cli/keys.ts';
import { plan } from './cli/plan.ts';
import { serve } from './cli/serve.ts';
import { ConfigError } from './cli/service.ts';
import { simulate } from './cli/simulate.ts';
import { spend } from './cli/spend.ts';
import { trainCommand } from './cli/train.ts';
import { version } from './cli/version.ts';
import { GatewayError } from './core/errors.ts';
import { StoreError } from './stores/store-error.ts';

const program = new Command('intermodal')
  .description('An LLM gateway: one endpoint, every provider, routes in YAML.')
  .version(version)
  .showHelpAfterError('(add --help for what is possible)');
for (const command of [
  serve,
  canary,
  check,
  explain,
  drill,
  plan,
  evaluate,
  trainCommand,
  batch,
  keys,
  spend,
  simulate,
])
  program.addCommand(command);

try {
  await program.parseAsync();
} catch (thrown) {
  // What a user can mend is told in a line; a defect keeps its stack.
  const known = [ConfigError, GatewayError, StoreError].some((kind) => thrown instanceof kind);
  if (!(known && thrown instanceof Error) && !isSystemError(thrown)) throw thrown;
  console.error(thrown.message);
  process.exitCode = 1;
}

/** Such as a port in use, or a file that is not there. */
function isSystemError(thrown: unknown): thrown is Error {
  return thrown instanceof Error && 'syscall' in thrown;
}
