/** `GET /admin/spend`: the ledger, grouped and filtered, as JSON or CSV. */
import { z } from 'zod';
import { present } from '../../core/present.ts';
import { type Ledger, spendGroups } from '../../stores/contract.ts';
import { spendCsv, spendRecords } from '../../stores/spend-report.ts';
import { readQuery } from './read-query.ts';

const groups = z
  .string()
  .default('key')
  .transform((text) => text.split(',').filter((group) => group !== ''))
  .pipe(z.array(z.enum(spendGroups)).max(spendGroups.length));
const moment = z.coerce.date().transform((date) => date.getTime());

const query = z.strictObject({
  by: groups,
  key: z.string().optional(),
  team: z.string().optional(),
  route: z.string().optional(),
  provider: z.string().optional(),
  model: z.string().optional(),
  tag: z.string().optional(),
  from: moment.optional(),
  to: moment.optional(),
  limit: z.coerce.number().int().min(1).max(10_000).default(1_000),
  format: z.enum(['json', 'csv']).default('json'),
});

export async function answerSpend(
  ledger: Ledger,
  asked: Readonly<Record<string, string>>,
): Promise<Response> {
  const read = readQuery(query, asked);
  const { by, from, to, limit, format, ...filter } = read;
  const rows = await ledger.spend({ ...present(filter), ...present({ fromMs: from, toMs: to }) }, by, limit);
  return format === 'csv'
    ? new Response(spendCsv(by, rows), { headers: { 'content-type': 'text/csv; charset=utf-8' } })
    : Response.json({ by, rows: spendRecords(by, rows) });
}
