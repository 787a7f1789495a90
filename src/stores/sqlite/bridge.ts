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
      const made: SqliteStatement = {
        reader: statement.columns().length > 0,
        all: (parameters) => statement.all(...bindable(parameters)),
        run: (parameters) => statement.run(...bindable(parameters)),
        iterate: (parameters) => statement.iterate(...bindable(parameters)),
      };
      if (statements.size >= maxStatements) statements.clear();
      statements.set(sql, made);
      return made;
    },
  };
}

function bindable(parameters: readonly unknown[]): readonly SQLInputValue[] {
  if (parameters.every(isBindable)) return parameters;
  throw new TypeError('A parameter is neither text, a number nor null.');
}

function isBindable(value: unknown): value is string | number | null {
  return typeof value === 'string' || typeof value === 'number' || value === null;
}
