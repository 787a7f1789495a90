/** What a drill has shown, for people: the minutes as callers saw them, then the routes, then the promises. */
import { table } from '../table.ts';
import type { DrillResult } from './run.ts';

export function drillText({ minutes, routes, promises, left }: DrillResult): string {
  const rows = minutes.map(({ minute, happenings, asked, ok, errors, p95Ms, servedBy, costUsd }) => [
    String(minute),
    String(asked),
    String(ok),
    countsText(errors) || '-',
    p95Ms === undefined ? '-' : `${(p95Ms / 1000).toFixed(1)} s`,
    `$${costUsd.toFixed(4)}`,
    sharesText(servedBy, ok),
    happenings.join('; '),
  ]);
  const head = ['minute', 'asked', 'ok', 'errors', 'p95', 'cost', 'answered by', 'what happens'];
  const byRoute = routes.map(({ route, asked, ok, errors, servedBy }) => [
    route,
    String(asked),
    String(ok),
    countsText(errors) || '-',
    sharesText(servedBy, ok),
  ]);
  const right = new Set(['minute', 'asked', 'ok', 'p95', 'cost']);
  return [
    table(head, rows, right),
    '',
    table(['route', 'asked', 'ok', 'errors', 'answered by'], byRoute, right),
    '',
    ...promises.flatMap(({ text, held, broken, because }) => [
      `${held ? 'held  ' : 'BROKEN'}  ${text}${held ? '.' : `: ${broken} times.`}`,
      ...because.map((one) => `          ${one}`),
    ]),
    ...(left.length === 0 ? [] : ['', 'Not rehearsed:', ...left.map((one) => `  ${one}`)]),
  ].join('\n');
}

const countsText = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .map(([name, count]) => `${count} ${name}`)
    .join(', ');

/** More than a line holds is summed up. */
const mostShares = 3;

function sharesText(counts: Readonly<Record<string, number>>, all: number): string {
  const entries = Object.entries(counts);
  const told = entries
    .slice(0, mostShares)
    .map(([name, count]) => `${Math.round((count / all) * 100)}% ${name}`);
  const others = entries.length - mostShares;
  return [...told, ...(others > 0 ? [`${others} more`] : [])].join(', ') || '-';
}
