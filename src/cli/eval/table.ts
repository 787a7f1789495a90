/** The table of routers, as `eval` and the proof of it print it. */
import type { Row } from '../../evaluation/compare.ts';
import { table } from '../table.ts';

const head = ['router', 'accuracy', 'strong', 'cost', 'APGR', '95 %', 'CPT50', 'CPT80', 'AUROC', 'ECE', 'µs'];

export function rowsTable(rows: readonly Row[]): string {
  return table(
    head,
    rows.map((row) => [
      row.router,
      percent(row.accuracy),
      percent(row.strongShare),
      percent(row.cost),
      number(row.apgr),
      row.interval === undefined ? '' : `${number(row.interval.low)}-${number(row.interval.high)}`,
      percent(row.cpt50),
      percent(row.cpt80),
      number(row.auroc),
      number(row.ece),
      row.decisionUs === undefined ? '' : row.decisionUs.toFixed(1),
    ]),
    new Set(head.slice(1)),
  );
}

const percent = (share: number | undefined): string =>
  share === undefined ? '' : `${(share * 100).toFixed(1)} %`;
const number = (value: number | undefined): string => (value === undefined ? '' : value.toFixed(3));
