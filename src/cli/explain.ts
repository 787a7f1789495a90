/** `intermodal explain`: which targets a request would be sent to, in which order, and why not the others. Sends nothing. */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { writeProblems } from '../config/load.ts';
import { GatewayError } from '../core/errors.ts';
import type { Facts } from '../core/facts.ts';
import { nearest } from '../core/nearest.ts';
import type { ChatRequest, EmbeddingRequest } from '../core/request.ts';
import { createCall } from '../gateway/call.ts';
import type { AnyDialect } from '../gateway/dialects/contract.ts';
import { dialectFolders } from '../gateway/dialects/registry.ts';
import { Scorers } from '../router/complexity/scorers.ts';
import type { Policy, Target } from '../router/contract.ts';
import { type Decision, decide, endpointFor, type Reason } from '../router/decide.ts';
import { createSight } from '../router/sight.ts';
import { scanBody } from '../wire/json-scan.ts';
import { ConfigError, load } from './service.ts';
import { table } from './table.ts';

interface Options {
  readonly config: string;
  readonly dialect: string;
  readonly header: readonly string[];
  readonly draw: number;
  readonly json?: boolean;
}

const dialects = dialectFolders.flatMap((folder) => folder.dialects);

export const explain = new Command('explain')
  .description('Show which targets would serve a request, and why not the others.')
  .argument('<request>', 'a JSON file with the request body, or - for standard input')
  .option('-c, --config <file>', 'the YAML file', 'config/production.yaml')
  .option(
    '-d, --dialect <id>',
    `what the client speaks: ${dialects.map((dialect) => dialect.id).join(', ')}`,
    'openai-chat',
  )
  .option(
    '-H, --header <name:value>',
    'a request header; may be repeated',
    (value: string, list: string[]) => [...list, value],
    [],
  )
  .option('--draw <number>', 'where in the weights the request falls, from 0 to 1', Number, 0)
  .option('--json', 'print JSON')
  .action((file: string, options: Options) => {
    const loaded = load(options.config);
    if (!loaded.ok) throw new ConfigError(writeProblems(loaded.problems));
    const dialect = dialects.find((one) => one.id === options.dialect);
    if (dialect === undefined)
      throw new ConfigError(
        `There is no dialect "${options.dialect}". There are: ${dialects.map((one) => one.id).join(', ')}.`,
      );
    const body = scanBody(readFileSync(file === '-' ? 0 : file));
    const facts = dialect.inspect(body);
    const decision = decideFor(loaded.policy, dialect, facts, body, options);
    const rows = explainDecision(decision, facts, dialect);
    if (options.json === true)
      console.log(
        JSON.stringify({ route: decision.route.name, rule: decision.rule?.text, facts, targets: rows }),
      );
    else print(decision, facts, rows);
    if (decision.candidates.length === 0) process.exitCode = 1;
  });

function decideFor(
  policy: Policy,
  dialect: AnyDialect,
  facts: Facts,
  body: ReturnType<typeof scanBody>,
  options: Options,
): Decision {
  const route = policy.find(facts.model);
  if (route === undefined) {
    const guess = nearest(facts.model, policy.names);
    throw new GatewayError(
      'model_not_found',
      `No route is named "${facts.model}".${guess === undefined ? '' : ` Did you mean "${guess}"?`}`,
    );
  }
  const headers = Object.fromEntries(
    options.header.map((line) => [
      line.slice(0, line.indexOf(':')).trim().toLowerCase(),
      line.slice(line.indexOf(':') + 1).trim(),
    ]),
  );
  const common = { id: 'explain', facts, body, headers, draw: options.draw, nowMs: 0, caller: undefined };
  const call = createCall<ChatRequest | EmbeddingRequest>({ ...common, dialect });
  return decide(
    call,
    route,
    createSight({ view: () => ({ standing: 'ready', untilMs: 0 }) }, { scorer: new Scorers().of }),
  );
}

interface Row {
  readonly target: string;
  readonly verdict: 'first' | 'fallback' | 'passed over';
  readonly why: string;
}

export function explainDecision(decision: Decision, facts: Facts, dialect: AnyDialect): readonly Row[] {
  const how = (target: Target): string => {
    const endpoint = endpointFor(target, facts.operation);
    return endpoint?.protocol === dialect.protocol && endpoint.forward !== undefined
      ? 'same protocol: the body passes through'
      : 'translated';
  };
  return [
    ...decision.candidates.map(
      (target, index): Row => ({
        target: target.name,
        verdict: index === 0 ? 'first' : 'fallback',
        why: how(target),
      }),
    ),
    ...decision.passed.map(
      ({ target, reason }): Row => ({ target: target.name, verdict: 'passed over', why: reasonText(reason) }),
    ),
  ];
}

function reasonText(reason: Reason): string {
  switch (reason.kind) {
    case 'no-endpoint':
      return 'does not offer this operation';
    case 'other-protocol':
      return 'the request uses what only its own protocol has';
    case 'waits':
      return 'is a batch API, for items of batches';
    case 'lacks':
      return `lacks ${reason.capability}`;
    case 'too-long':
      return `needs about ${reason.tokens} tokens, its window holds ${reason.contextTokens}`;
    case 'unhealthy':
      return reason.view.standing;
  }
}

function print(decision: Decision, facts: Facts, rows: readonly Row[]): void {
  console.log(
    `route ${decision.route.name}${decision.rule === undefined ? '' : `, rule ${decision.rule.text}`}`,
  );
  console.log(
    `about ${facts.inputTokens} input tokens${facts.needs.length === 0 ? '' : `, needs ${facts.needs.join(', ')}`}${facts.stream ? ', streamed' : ''}\n`,
  );
  console.log(
    table(
      ['target', 'verdict', 'why'],
      rows.map((row) => [row.target, row.verdict, row.why]),
    ),
  );
}
