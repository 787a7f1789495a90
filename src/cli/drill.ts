/** `intermodal drill`: a config against stand-ins of its providers, through outages, throttles and ends of budgets. Calls nobody, and costs nothing. */
import { Command, InvalidArgumentError } from 'commander';
import { ConfigError } from './config-error.ts';
import { drillText } from './drill/report.ts';
import { drill as runDrill } from './drill/run.ts';
import { readScript, type Script } from './drill/script.ts';

interface Options {
  readonly outage: readonly string[];
  readonly throttle: readonly string[];
  readonly budgetEnd: readonly string[];
  readonly script?: string;
  readonly minutes?: number;
  readonly rate: readonly string[];
  readonly speed: number;
  readonly json?: boolean;
}

const mostMinutes = 240;
const usualPerMinute = 30;
const mostPerMinute = 6_000;
/** Before and after what happens, so that there is something to compare with. */
const minutesAfter = 2;

const more = (value: string, list: readonly string[]): readonly string[] => [...list, value];

export const drill = new Command('drill')
  .description(
    'Rehearse outages, throttles and spent budgets with a config, and show what callers would have seen.',
  )
  .argument('<file>', 'the YAML file')
  .option(
    '--outage <place>',
    'a provider, or provider/model, is down from minute 3 to 5; may be repeated',
    more,
    [],
  )
  .option('--throttle <place>', 'the same, answering 429; may be repeated', more, [])
  .option(
    '--budget-end <owner>',
    'the budgets of all, or key:NAME, route:NAME, provider:NAME, are spent in minute 3',
    more,
    [],
  )
  .option('--script <file>', 'YAML with a list of {at: 2m, for: 3m, outage: anthropic}')
  .option('--minutes <n>', 'how long; else two minutes more than what happens', readNumber(1, mostMinutes))
  .option('--rate <n>', 'requests a minute of each route, or route=n; may be repeated', more, [])
  .option('--speed <n>', 'how much faster than real time', readNumber(1, 240), 30)
  .option('--json', 'print JSON')
  .action(async (file: string, options: Options) => {
    const { outage, throttle, budgetEnd, speed } = options;
    const script = readScript({ file: options.script, outage, throttle, budgetEnd });
    const result = await runDrill({
      file,
      script,
      minutes: Math.ceil(options.minutes ?? script.minutes ?? minutesOf(script)),
      speed,
      ...ratesOf(options.rate),
    });
    console.log(options.json === true ? JSON.stringify(result) : drillText(result));
    if (result.promises.some(({ held }) => !held)) process.exitCode = 1;
  });

function minutesOf({ events }: Script): number {
  const ends = events.map((one) => {
    const last = one.kind === 'budget-end' ? one.atMs : one.untilMs;
    return Number.isFinite(last) ? last : one.atMs + 180_000;
  });
  return Math.min(mostMinutes, Math.ceil(Math.max(180_000, ...ends) / 60_000) + minutesAfter);
}

function ratesOf(written: readonly string[]): {
  perMinute: number;
  perMinuteOf: ReadonlyMap<string, number>;
} {
  let perMinute = usualPerMinute;
  const perMinuteOf = new Map<string, number>();
  for (const one of written) {
    const [, route, text = ''] = /^(?:(.+)=)?([^=]+)$/.exec(one) ?? [];
    const rate = Number(text);
    if (!(rate > 0 && rate <= mostPerMinute))
      throw new ConfigError(
        `--rate is "${one}"; write requests a minute, up to ${mostPerMinute}, or route=60.`,
      );
    if (route === undefined) perMinute = rate;
    else perMinuteOf.set(route, rate);
  }
  return { perMinute, perMinuteOf };
}

function readNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (value >= least && value <= most) return value;
    throw new InvalidArgumentError(`Write a number from ${least} to ${most}.`);
  };
}
