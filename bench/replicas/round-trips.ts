/** How often Redis and Postgres were asked. */
import { Client } from 'pg';
import type { Scene } from './scene.ts';

export interface RoundTrips {
  /** Commands as they pass the wire: what a script runs inside is none. */
  readonly redis: number;
  /** Transactions, by the server's own count: a statement by itself is one. */
  readonly postgres: number;
}

export async function roundTrips({ redisCommands, postgres }: Scene): Promise<RoundTrips> {
  // First: asking Postgres takes a while.
  const redis = redisCommands();
  return { redis, postgres: await transactions(postgres.address(postgres.port)) };
}

async function transactions(url: string): Promise<number> {
  const client = new Client({ connectionString: url });
  await client.connect();
  // Counts are told by each connection when it has been idle for a second.
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  const { rows } = await client.query<{ n: string }>(
    'select xact_commit + xact_rollback as n from pg_stat_database where datname = current_database()',
  );
  await client.end();
  return Number(rows[0]?.n ?? 0);
}
