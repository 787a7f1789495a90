/** What would become of a request, for people. */
import type {
  Explained,
  ExplainedBudget,
  ExplainedLimit,
  ExplainedRow,
} from '../../gateway/explain-request.ts';
import { thousands } from '../amounts.ts';
import { table } from '../table.ts';

export function explainText(explained: Explained): string {
  const { route, rule, request, complexity, arm, way, features, live, targets } = explained;
  const lines: readonly (readonly [string, string])[] = [
    ['route', route],
    ['rule', rule === null ? 'none holds: the route’s own chain' : `${rule.number}: ${rule.text}`],
    ['request', requestText(request)],
    ...(complexity === null ? [] : [['complexity', complexity.text] as const]),
    ...(arm === null ? [] : [['arm', arm === 'canary' ? 'the canary' : 'the usual chain'] as const]),
    ['mode', way.text],
    ...features.map(({ name, text }) => [`${name}`, text] as const),
    ['known', live ? 'health, room and sums, as of now' : knownOffline],
  ];
  const width = Math.max(...lines.map(([name]) => name.length));
  const told = lines.map(([name, text]) => `${name.padEnd(width)}  ${text}`);
  return [...told, '', targetsText(targets), ...capacityText(targets)].join('\n');
}

const knownOffline = 'the config alone; --live asks a running gateway for health, room and sums';

function requestText(request: Explained['request']): string {
  return [
    `${request.operation}, about ${thousands(request.input_tokens)} input tokens`,
    ...(request.max_output_tokens === null ? [] : [`at most ${thousands(request.max_output_tokens)} out`]),
    ...(request.needs.length === 0 ? [] : [`needs ${request.needs.join(' and ')}`]),
    ...(request.stream ? ['streamed'] : []),
    ...(request.priority === 'normal' ? [] : [`priority ${request.priority}`]),
    ...(request.tags.length === 0 ? [] : [`tags ${request.tags.join(', ')}`]),
    ...(request.deadline_ms === null ? [] : [`to be answered in ${request.deadline_ms / 1000} s`]),
  ].join(', ');
}

function targetsText(targets: readonly ExplainedRow[]): string {
  const rows = targets.map((row) => [
    row.target,
    row.verdict,
    row.why,
    row.body ?? '-',
    dollars(row.expected_usd),
    dollars(row.worst_usd),
  ]);
  const head = ['target', 'verdict', 'why', 'body', 'expected', 'at most'];
  return table(head, rows, new Set(['expected', 'at most']));
}

/** Limits and budgets that several targets share are told once. */
function capacityText(targets: readonly ExplainedRow[]): readonly string[] {
  const limits = once(targets.flatMap((row) => row.limits.map((one) => [one.limit, one] as const)));
  const budgets = once(targets.flatMap((row) => row.budgets.map((one) => [one.budget, one] as const)));
  return [
    ...(limits.length === 0 ? [] : ['', ...limits.map(limitText)]),
    ...(budgets.length === 0 ? [] : ['', ...budgets.map(budgetText)]),
  ];
}

const once = <T>(entries: readonly (readonly [string, T])[]): readonly T[] => [...new Map(entries).values()];

function limitText({ limit, most, needs, free }: ExplainedLimit): string {
  const level = free === null ? '' : `, ${thousands(free)} free${free < needs ? ': no room now' : ''}`;
  return `limit ${limit}: needs ${thousands(needs)} of ${thousands(most)}${level}`;
}

function budgetText({ budget, cap_usd, hard, used_usd, held_usd }: ExplainedBudget): string {
  const used = used_usd === null ? '' : `, ${dollars(used_usd)} used, ${dollars(held_usd)} set aside`;
  return `budget ${budget}: ${dollars(cap_usd)}${hard ? '' : ', warns only'}${used}`;
}

/** Cents, and the small where there is such. */
function dollars(usd: string | null): string {
  if (usd === null) return '?';
  const trimmed = usd.replace(/0+$/, '').replace(/\.$/, '');
  const [whole = '0', part = ''] = trimmed.split('.');
  return `$${whole}.${part.padEnd(2, '0')}`;
}
