/** Node's SQLite in the form in which Kysely asks for one. Statements are prepared once. */
import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import type { SqliteDatabase, SqliteStatement } from 'kysely';

/** The store has some thirty statements and four sizes of insert; filters multiply the former. */
const maxStatements = 128;

export function bridge(database: DatabaseSync): SqliteDatabase {
  const statements = new Map<string, SqliteStatement>();
  return {
    close: () => database.close(),
    prepare(sql) {
      const known = statements.get(sql);
      if (known !== undefined) return known;
      const statement = database.prepare(sql);
      const names = statement.columns().map(({ name }) => name);
      statement.setReturnArrays(names.length > 0);
      const made: SqliteStatement = {
        reader: names.length > 0,
        all: (parameters) => objects(names, statement.all(...bindable(parameters))),
        run: (parameters) => statement.run(...bindable(parameters)),
        *iterate(parameters) {
          for (const row of statement.iterate(...bindable(parameters))) yield* objects(names, [row]);
        },
      };
      if (statements.size >= maxStatements) statements.clear();
      statements.set(sql, made);
      return made;
    },
  };
}

/** The driver's own objects are hash tables, made and read at half the speed of these. */
function objects(names: readonly string[], rows: readonly unknown[]): unknown[] {
  return rows.map((row) => {
    if (!Array.isArray(row)) throw new TypeError('A row is no list.');
    const made: Record<string, unknown> = {};
    for (let index = 0; index < names.length; index++) made[names[index] ?? ''] = row[index];
    return made;
  });
}

function bindable(parameters: readonly unknown[]): readonly SQLInputValue[] {
  if (parameters.every(isBindable)) return parameters;
  throw new TypeError('A parameter is neither text, a number, bytes nor null.');
}

function isBindable(value: unknown): value is string | number | Uint8Array | null {
  return (
    typeof value === 'string' || typeof value === 'number' || value === null || value instanceof Uint8Array
  );
}
