/** DuckDB as a source of rows: any SQL over files, so that filters, joins and samples are its work. */
import { describe } from "../base/assert.js";
import { InputError, LeapflowError, OptionError } from "../base/errors.js";
import type { TableBlock } from "./reader.js";
import type { TableRows } from "./table.js";

export interface QueryOptions {
  /** A DuckDB database file; default: in memory, with files named in the SQL. */
  readonly database?: string;
  /** Settings of DuckDB, such as `{ threads: "1", memory_limit: "200MB" }`. */
  readonly settings?: Readonly<Record<string, string>>;
}

/**
 * The rows of an SQL query as a source that can be streamed again and again: `SELECT … FROM 'big.parquet' WHERE …`. The query
 * runs once a pass; give it an ORDER BY, or single-threaded settings, if its rows would come in another order each time. The
 * SQL is the caller's own and runs with the caller's rights.
 *
 * @throws {LeapflowError} `UNAVAILABLE` without `@duckdb/node-api`; {OptionError} `RANGE` for SQL that DuckDB refuses; while
 * iterating {InputError} `NOT_FINITE` or `TYPE` with row and column
 */
export async function openQuery(sql: string, options: QueryOptions = {}): Promise<TableRows> {
  if (typeof sql !== "string") throw new OptionError("TYPE", `sql is ${describe(sql)}; expected the text of a query.`);
  const { DuckDBInstance } = await loadDuckDb();
  const instance = await DuckDBInstance.create(options.database ?? ":memory:", {
    preserve_insertion_order: "true",
    ...options.settings,
  });
  const refuse = (cause: unknown): never => {
    throw new OptionError("RANGE", `DuckDB refuses the query: ${(cause as Error).message.split("\n")[0]}`, { cause });
  };
  const looking = await instance.connect();
  const names = await looking
    .stream(`SELECT * FROM (${sql.replace(/;\s*$/, "")}) LIMIT 0`)
    .then((result) => result.columnNames(), refuse)
    .finally(() => looking.closeSync());
  async function* pass(): AsyncGenerator<TableBlock> {
    const connection = await instance.connect();
    try {
      const result = await connection.stream(sql).catch(refuse);
      let before = 0;
      for (;;) {
        const chunk = await result.fetchChunk();
        if (!chunk || chunk.rowCount === 0) return;
        const { rowCount: rows, columnCount: columns } = chunk;
        const data = new Float64Array(rows * columns);
        for (let j = 0; j < columns; j++) {
          const column = chunk.getColumnValues(j);
          for (let i = 0; i < rows; i++) data[i * columns + j] = numberOf(column[i], before + i, names[j]);
        }
        before += rows;
        yield { data, rows, columns };
      }
    } finally {
      connection.closeSync();
    }
  }
  return { names, columns: names.length, [Symbol.asyncIterator]: pass };
}

/** By a name that bundlers do not follow: they would look for its native binary. */
async function loadDuckDb(): Promise<typeof import("@duckdb/node-api")> {
  const name = "@duckdb/node-api";
  try {
    return await import(/* webpackIgnore: true */ /* @vite-ignore */ name);
  } catch (cause) {
    throw new LeapflowError("UNAVAILABLE", `openQuery needs DuckDB: npm install ${name}`, { cause });
  }
}

function numberOf(value: unknown, row: number, name: string): number {
  const number =
    typeof value === "bigint" || typeof value === "boolean"
      ? Number(value)
      : typeof (value as { toDouble?: unknown } | null)?.toDouble === "function"
        ? (value as { toDouble(): number }).toDouble()
        : value;
  if (typeof number === "number" && Number.isFinite(number)) return number;
  throw new InputError(
    typeof number === "number" ? "NOT_FINITE" : "TYPE",
    `row ${row} of the query has ${value === null ? "NULL" : String(value)} in ${name}; expected a finite number.`,
    { details: { row, column: name } },
  );
}
