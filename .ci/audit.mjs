/**
 * `npm audit` over what users install: fails on a known vulnerability of moderate weight or more. A registry that cannot answer is
 * reported loudly and tolerated; nothing else is.
 */
import { spawnSync } from "node:child_process";

const { stdout, stderr } = spawnSync("npm", ["audit", "--omit=dev", "--json"], { encoding: "utf8", timeout: 120_000 });
let report;
try {
  report = JSON.parse(stdout);
} catch {
  report = { error: { summary: (stderr || stdout || "no answer").trim().split("\n").at(-1) } };
}
const counts = report.metadata?.vulnerabilities;
if (counts === undefined) {
  const why = report.error?.summary || report.message || JSON.stringify(report);
  console.log(`NOT AUDITED: the registry does not answer audits here (${String(why).slice(0, 200)})`);
} else {
  const serious = counts.moderate + counts.high + counts.critical;
  console.log(`npm audit of dependencies: ${counts.total} known vulnerabilities, ${serious} of them moderate or worse`);
  for (const [name, { severity, range }] of Object.entries(report.vulnerabilities ?? {})) {
    console.log(`  ${name} ${range}: ${severity}`);
  }
  process.exitCode = serious === 0 ? 0 : 1;
}
