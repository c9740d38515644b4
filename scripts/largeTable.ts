/**
 * Writes a Parquet table of standard normal inputs x1 … xd and y = z₁ + z₁z₂ + z₁z₂z₃ + 0.3·noise, made by DuckDB in row groups:
 * `tsx scripts/largeTable.ts big.parquet [rows] [inputs]`.
 */
import { DuckDBInstance } from "@duckdb/node-api";

const [file, rows = "10000000", inputs = "20"] = process.argv.slice(2);
if (!file) throw new Error("usage: tsx scripts/largeTable.ts <file.parquet> [rows] [inputs]");
const [n, d] = [Number(rows), Number(inputs)];

const instance = await DuckDBInstance.create(":memory:", { threads: "2", memory_limit: "2GB" });
const connection = await instance.connect();
// Normals from hashes of (row, column): the same table on every machine and for every number of threads.
const uniform = (salt: number): string => `((hash(i * 1000 + ${salt}) >> 11)::DOUBLE + 0.5) / 9007199254740992`;
const normal = (k: number): string => `sqrt(-2 * ln(${uniform(2 * k)})) * cos(2 * pi() * ${uniform(2 * k + 1)})`;
const x = Array.from({ length: d }, (_, j) => `${normal(j)} AS x${j + 1}`);
await connection.run(`
  COPY (
    SELECT * EXCLUDE (noise, z1, z2, z3), z1 + z1 * z2 + z1 * z2 * z3 + 0.3 * noise AS y
    FROM (SELECT *, (x1 + x2) / sqrt(2) AS z1, (x3 - x4) / sqrt(2) AS z2, x5 AS z3
          FROM (SELECT ${x.join(", ")}, ${normal(d)} AS noise FROM range(${n}) t(i)))
  ) TO '${file.replaceAll("'", "''")}' (FORMAT parquet, COMPRESSION uncompressed, ROW_GROUP_SIZE 122880)`);
connection.closeSync();
