/**
 * Many rows by few statements, on both kinds of store. Each size of statement is compiled once, a list of any length is cut into
 * these, and the values go in as parameters.
 */
import { setImmediate } from 'node:timers/promises';
import type { CompiledQuery, Kysely } from 'kysely';
import type { Database } from '../database.ts';

export type Value = string | number | null;

/**
 * Rows in one statement, largest first. Beyond 500 rows nothing is gained, and Postgres takes at most 65,535 parameters, SQLite
 * 32,766: a row may have 65.
 */
const sizes = [500, 50, 5, 1] as const;

/** Items between two turns of the event loop: SQLite answers in the same turn, and requests must be served meanwhile. */
export const turnItems = 4000;

export class Bulk<Row> {
  readonly #statements: readonly { readonly rows: number; readonly query: CompiledQuery<Row> }[];

  /** `compile` makes the statement for so many rows; its own parameters are replaced. */
  constructor(compile: (rows: number) => CompiledQuery<Row>) {
    this.#statements = sizes.map((rows) => ({ rows, query: compile(rows) }));
  }

  /** `push` adds a row's parameters; `around` are those that stand before and after all rows'. Answers what the statements return, in order. */
  async run<Given>(
    database: Kysely<Database>,
    given: readonly Given[],
    push: (one: Given, values: Value[]) => void,
    around: { readonly before?: readonly Value[]; readonly after?: readonly Value[] } = {},
  ): Promise<readonly Row[]> {
    const answers: (readonly Row[])[] = [];
    let at = 0;
    for (const { rows, query } of this.#statements) {
      for (; given.length - at >= rows; at += rows) {
        const parameters: Value[] = [...(around.before ?? [])];
        for (let index = at; index < at + rows; index++) {
          const one = given[index];
          if (one !== undefined) push(one, parameters);
        }
        parameters.push(...(around.after ?? []));
        const result = await database.executeQuery<Row>({ ...query, parameters });
        if (result.rows.length > 0) answers.push(result.rows);
        if (at > 0 && at % turnItems === 0) await setImmediate();
      }
    }
    return answers.length === 1 ? (answers[0] ?? []) : answers.flat();
  }
}
