/** Sums over the ledger. The grouping is the database's work: a year of a busy gateway is a billion rows. */
import {
  type AliasedExpression,
  type Expression,
  expressionBuilder,
  type Kysely,
  type RawBuilder,
  type SqlBool,
  sql,
} from 'kysely';
import type { SpendFilter, SpendGroup, SpendRow, UsageRow } from './contract.ts';
import type { Database } from './database.ts';
import type { Differences } from './differences.ts';

const dayMs = 86_400_000;

/** All that a filter asks for, as one condition. */
export function matching(differences: Differences, filter: SpendFilter): Expression<SqlBool> {
  const row = expressionBuilder<Database, 'intermodal_ledger'>();
  const all: Expression<SqlBool>[] = [];
  if (filter.key !== undefined) all.push(row('key_name', '=', filter.key));
  if (filter.team !== undefined) all.push(row('team', '=', filter.team));
  if (filter.route !== undefined) all.push(row('route', '=', filter.route));
  if (filter.provider !== undefined) all.push(row('provider', '=', filter.provider));
  if (filter.model !== undefined) all.push(row('model', '=', filter.model));
  if (filter.tag !== undefined) all.push(differences.hasTag(filter.tag));
  if (filter.fromMs !== undefined) all.push(row('at_ms', '>=', filter.fromMs));
  if (filter.toMs !== undefined) all.push(row('at_ms', '<', filter.toMs));
  return row.and(all);
}

type GroupValue = string | number | null;

const expressions: Record<SpendGroup, RawBuilder<GroupValue>> = {
  key: sql<GroupValue>`key_name`,
  team: sql<GroupValue>`team`,
  route: sql<GroupValue>`route`,
  provider: sql<GroupValue>`provider`,
  model: sql<GroupValue>`model`,
  mode: sql<GroupValue>`mode`,
  outcome: sql<GroupValue>`outcome`,
  // Whole days since 1970, which both kinds count alike; their calendars are not.
  day: sql<GroupValue>`at_ms / ${sql.lit(dayMs)}`,
};

/**
 * As a double: both kinds then answer a number, exact to nine million dollars and still close beyond, where a sum of
 * integers would come back as text from one and as an error from the other.
 */
function total(what: Expression<number | null>, name: keyof Sums): AliasedExpression<number, keyof Sums> {
  return sql<number>`coalesce(cast(sum(${what}) as double precision), 0)`.as(name);
}

type Sums = Omit<SpendRow, 'group' | 'attempts'>;

const sums = [
  total(sql.ref('input_tokens'), 'inputTokens'),
  total(sql.ref('cache_read_tokens'), 'cacheReadTokens'),
  total(sql.ref('cache_write_tokens'), 'cacheWriteTokens'),
  total(sql.ref('output_tokens'), 'outputTokens'),
  total(sql.ref('reasoning_tokens'), 'reasoningTokens'),
  total(sql.ref('cost_nano_usd'), 'costNanoUsd'),
  total(sql.ref('list_nano_usd'), 'listNanoUsd'),
  total(sql`case when exact = 0 then cost_nano_usd end`, 'estimatedNanoUsd'),
];

export async function spend(
  database: Kysely<Database>,
  differences: Differences,
  filter: SpendFilter,
  groups: readonly SpendGroup[],
  limit?: number,
): Promise<readonly SpendRow[]> {
  let query = database
    .selectFrom('intermodal_ledger')
    .select(sql<number>`coalesce(cast(sum(coalesce(items, 1)) as double precision), 0)`.as('attempts'))
    .select(sums)
    .select(groups.map((group, index) => expressions[group].as(alias(index))))
    .where(matching(differences, filter))
    .orderBy('costNanoUsd', 'desc')
    .orderBy('attempts', 'desc');
  // Rows that cost the same need an order too; the kinds disagree where nulls belong.
  for (const group of groups) {
    query = query
      .groupBy(expressions[group])
      .orderBy(sql`${expressions[group]} is null`)
      .orderBy(expressions[group]);
  }
  const rows = await (limit === undefined ? query : query.limit(limit)).execute();
  return rows.map(({ attempts, ...row }) => ({
    group: groups.map((_, index) => groupText(row[alias(index)] ?? null)),
    attempts,
    inputTokens: row.inputTokens,
    cacheReadTokens: row.cacheReadTokens,
    cacheWriteTokens: row.cacheWriteTokens,
    outputTokens: row.outputTokens,
    reasoningTokens: row.reasoningTokens,
    costNanoUsd: row.costNanoUsd,
    listNanoUsd: row.listNanoUsd,
    estimatedNanoUsd: row.estimatedNanoUsd,
  }));
}

export function usage(
  database: Kysely<Database>,
  differences: Differences,
  filter: SpendFilter,
): Promise<readonly UsageRow[]> {
  const sum = (what: RawBuilder<number | null>): RawBuilder<number> =>
    sql<number>`coalesce(cast(sum(${what}) as double precision), 0)`;
  return database
    .selectFrom('intermodal_ledger')
    .select(['route', 'provider', 'model'])
    .select([
      sum(sql`coalesce(items, 1)`).as('answers'),
      sum(sql`input_tokens`).as('inputTokens'),
      sum(sql`cache_read_tokens`).as('cacheReadTokens'),
      sum(sql`output_tokens`).as('outputTokens'),
      sum(sql`rough_input_tokens`).as('roughInputTokens'),
      sum(sql`case when rough_input_tokens is not null then input_tokens end`).as('inputOfRoughTokens'),
    ])
    .where(matching(differences, filter))
    .where('outcome', '=', 'served')
    .where('exact', '=', 1)
    .where('input_tokens', 'is not', null)
    .groupBy(['route', 'provider', 'model'])
    .orderBy('route')
    .orderBy('provider')
    .orderBy('model')
    .execute();
}

function alias(index: number): `group_${number}` {
  return `group_${index}`;
}

/** Of all groups only a day is a number. */
function groupText(value: GroupValue): string | null {
  return typeof value === 'number' ? new Date(value * dayMs).toISOString().slice(0, 10) : value;
}
