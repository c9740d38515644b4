/** Every example runs as it stands, against the built package. */
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const folder = join(import.meta.dirname, "../../examples");
const files = readdirSync(folder).filter((name) => name.endsWith(".mjs"));

test.each(files)("%s", (name) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(folder, name)], { encoding: "utf8" });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  expect(stdout.length).toBeGreaterThan(40);
  expect(stdout).not.toMatch(/NaN|undefined|false/);
});
