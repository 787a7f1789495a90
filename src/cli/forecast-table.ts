/** A forecast, as `intermodal plan` prints it: tables for people, a record for programs. */
import type {
  CascadeForecast,
  ExpectedOf,
  Forecast,
  Rung,
  TargetForecast,
} from '../batch/forecast/report.ts';
import { dollars, thousands } from './amounts.ts';
import { span } from './batch/view.ts';
import { table } from './table.ts';

/** Lines that are told one by one. */
const mostTold = 20;
const numbers = new Set([
  'items',
  'submissions',
  'input tokens',
  'cached',
  'output tokens',
  'cost',
  'saved',
  'saved %',
  'output each',
  'escalated',
  'strong alone',
]);

export function forecastText(forecast: Forecast): string {
  return [
    countsText(forecast),
    ...(forecast.rejected > 0 ? [rejectedText(forecast)] : []),
    targetsText(forecast),
    ladderText(forecast),
    ...(forecast.cascades.length > 0 ? [cascadesText(forecast.cascades)] : []),
    expectedText(forecast.expected),
    timeText(forecast),
  ].join('\n\n');
}

function countsText({ lines, rejected, twins, ruled, sent }: Forecast): string {
  const rows: readonly (readonly [string, number])[] = [
    ['lines', lines],
    ['rejected', rejected],
    ['twins', twins],
    ['by rule', ruled],
    ['sent', sent],
  ];
  const width = Math.max(...rows.map(([, count]) => thousands(count).length));
  return rows.map(([name, count]) => `${name.padEnd(8)}  ${thousands(count).padStart(width)}`).join('\n');
}

function rejectedText({ rejected, rejectedLines }: Forecast): string {
  const told = rejectedLines.slice(0, mostTold).map(({ line, message }) => `line ${line}: ${message}`);
  const rest = rejected - told.length;
  return [...told, ...(rest > 0 ? [`… and ${thousands(rest)} more lines.`] : [])].join('\n');
}

const targetHead = ['target', 'items', 'submissions', 'input tokens', 'cached', 'output tokens', 'cost'];

function targetsText({ targets, ...all }: Forecast): string {
  const sum = (of: (target: TargetForecast) => number): string =>
    thousands(targets.reduce((total, target) => total + of(target), 0));
  const rows = targets.map((one) => [
    one.target,
    thousands(one.items),
    one.submissions === 0 ? 'one by one' : thousands(one.submissions),
    thousands(one.inputTokens),
    thousands(one.cacheReadTokens),
    thousands(one.outputTokens),
    one.isPriced ? dollars(one.costNanoUsd) : 'unknown',
  ]);
  const total = [
    'total',
    sum(({ items }) => items),
    thousands(all.submissions),
    sum(({ inputTokens }) => inputTokens),
    sum(({ cacheReadTokens }) => cacheReadTokens),
    sum(({ outputTokens }) => outputTokens),
    dollars(all.costNanoUsd),
  ];
  const notes = targets.flatMap(({ isPriced, target, rounds }) => [
    ...(isPriced
      ? []
      : [`The price of ${target} is not known; set it under "prices:". It counts as nothing.`]),
    ...(rounds > 1 ? [`${target} takes no more at once than a part: ${thousands(rounds)} rounds.`] : []),
  ]);
  return [table(targetHead, [...rows, total], numbers), ...notes].join('\n');
}

function stepText(step: Rung['step'], baseline: string, isSame: boolean): string {
  switch (step) {
    case 'sync':
      return `all sync by ${baseline === '' ? 'a model of unknown price' : baseline}`;
    case 'batch':
      return isSame ? 'by its batch API: it has none' : 'by its batch API';
    case 'routing':
      return 'by the models of the routes';
    case 'cascade':
      return 'with cascades';
    case 'rules':
      return 'without what rules answer';
    case 'twins':
      return 'without twins';
    case 'cache':
      return 'with prompt caches';
  }
}

function ladderText({ ladder, baseline, ruled }: Forecast): string {
  const first = ladder[0]?.nanoUsd ?? 0;
  const rows = ladder
    .filter(({ step }) => step !== 'rules' || ruled > 0)
    .map(({ step, nanoUsd }) => [
      stepText(step, baseline, nanoUsd === first),
      dollars(nanoUsd),
      dollars(first - nanoUsd),
      first === 0 ? '-' : ((1 - nanoUsd / first) * 100).toFixed(1),
    ]);
  return table(['savings', 'cost', 'saved', 'saved %'], rows, numbers);
}

const share = (part: number): string => `${(part * 100).toFixed(1)}%`;

/** Where one does not pay it says so in words: a table of figures is read past. */
function cascadesText(cascades: readonly CascadeForecast[]): string {
  const rows = cascades.map((one) => [
    one.route,
    one.first,
    one.strong,
    share(one.share),
    dollars(one.nanoUsd),
    dollars(one.strongNanoUsd),
    one.from === 'ledger' ? `learnt from ${thousands(one.answers)} first answers` : 'assumed',
  ]);
  const head = ['cascade', 'first', 'strong', 'escalated', 'cost', 'strong alone', 'how it is known'];
  return [table(head, rows, numbers), ...cascades.flatMap(verdictText)].join('\n');
}

function verdictText({
  route,
  first,
  strong,
  nanoUsd,
  strongNanoUsd,
  pays,
  ...one
}: CascadeForecast): string[] {
  if (pays)
    return one.from === 'ledger'
      ? []
      : [`The cascade of "${route}" pays for as long as less than ${share(one.breakEven)} is escalated.`];
  const worse = `The cascade of "${route}" does NOT pay at these prices: ${dollars(nanoUsd)}, where ${strong} alone costs ${dollars(strongNanoUsd)}.`;
  return one.breakEven > 0
    ? [`${worse} It would with less than ${share(one.breakEven)} escalated.`]
    : [`${worse} ${first} and those who give opinions cost as much by themselves: send all to ${strong}.`];
}

function sourceText({ output, answers }: ExpectedOf): string {
  switch (output) {
    case 'told':
      return 'as --expect-output says';
    case 'route':
      return `learnt from ${thousands(answers)} answers of the route`;
    case 'model':
      return `learnt from ${thousands(answers)} answers of the model on other routes`;
    case 'assumed':
      return 'assumed: the ledger has no answers yet';
  }
}

function expectedText(expected: readonly ExpectedOf[]): string {
  const rows = expected.map((one) => [
    one.route,
    one.target,
    thousands(Math.round(one.outputTokens)),
    sourceText(one),
  ]);
  const text = table(['route', 'first target', 'output each', 'how it is known'], rows, numbers);
  if (expected.every(({ output }) => output !== 'assumed')) return text;
  return `${text}\nRun a small part of the file first: the ledger then knows how long answers are, and what caches serve.`;
}

function timeText({ time }: Forecast): string {
  const parts = [
    ...(time.turnsAfterMs === undefined
      ? []
      : [
          `By batch, within ${span(time.windowMs)}; what is not done after ${span(time.turnsAfterMs)} is asked one by one.`,
        ]),
    ...(time.aloneMs === 0 ? [] : [`One by one: about ${span(time.aloneMs)}.`]),
  ];
  return parts.length === 0 ? 'Nothing is sent.' : parts.join('\n');
}

const usd = (nanoUsd: number): number => nanoUsd / 1e9;

export function forecastRecord({ targets, ladder, expected, cascades, time, ...counts }: Forecast): object {
  return {
    lines: counts.lines,
    rejected: counts.rejected,
    rejected_lines: counts.rejectedLines,
    twins: counts.twins,
    prefiltered: counts.ruled,
    sent: counts.sent,
    submissions: counts.submissions,
    cost_usd: usd(counts.costNanoUsd),
    targets: targets.map((one) => ({
      target: one.target,
      items: one.items,
      submissions: one.submissions,
      rounds: one.rounds,
      input_tokens: one.inputTokens,
      cached_tokens: one.cacheReadTokens,
      output_tokens: one.outputTokens,
      cost_usd: one.isPriced ? usd(one.costNanoUsd) : null,
    })),
    baseline: counts.baseline === '' ? null : counts.baseline,
    savings: ladder.map(({ step, nanoUsd }) => ({ step, cost_usd: usd(nanoUsd) })),
    cascades: cascades.map((one) => ({
      route: one.route,
      first: one.first,
      strong: one.strong,
      escalated_share: one.share,
      escalated_from: one.from,
      answers: one.answers,
      cost_usd: usd(one.nanoUsd),
      strong_cost_usd: usd(one.strongNanoUsd),
      pays: one.pays,
      break_even_share: one.breakEven,
    })),
    expected: expected.map((one) => ({
      route: one.route,
      target: one.target,
      output_tokens: one.outputTokens,
      output_from: one.output,
      input_factor: one.inputFactor,
      input_from: one.input,
      cached_share: one.cachedShare ?? null,
      answers: one.answers,
    })),
    time: {
      mode: time.mode,
      window_ms: time.windowMs,
      turns_sync_after_ms: time.turnsAfterMs ?? null,
      one_by_one_ms: time.aloneMs,
    },
  };
}
