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

/** Counts commands in the bytes of a client: each is a list of texts (Redis's protocol, RESP). */
export class CommandCount {
  #count = 0;
  /** The end of what was seen, in which a command may begin. */
  #rest = '';

  get count(): number {
    return this.#count;
  }

  see(bytes: Buffer): void {
    const text = this.#rest + bytes.toString('latin1');
    let end = 0;
    for (const { index, 0: found } of text.matchAll(/\*\d+\r\n\$/g)) {
      this.#count += 1;
      end = index + found.length;
    }
    this.#rest = text.slice(Math.max(end, text.length - longestHead));
  }
}

const longestHead = 12;

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
