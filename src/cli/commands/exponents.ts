/** `leapflow exponents`: the saddles of a link, in the order in which gradient flow meets them. */
import type { Command } from "commander";
import pc from "picocolors";
import type { Leaps, Link } from "../../theory/index.js";
import { LINK_HELP, readLink } from "../linkFlags.js";
import { count, figure, printJson, printText, tableLines } from "../print.js";

interface ExponentsFlags {
  readonly link: string;
  readonly degree?: string;
  readonly json?: boolean;
}

export function addExponentsCommand(program: Command): void {
  program
    .command("exponents")
    .requiredOption("--link <expression>", LINK_HELP)
    .option(
      "--degree <n>",
      "highest degree looked at; default: that of a polynomial, else 12 for one variable, less for more",
    )
    .option("--json", "print one JSON document instead of a table")
    .action((flags: ExponentsFlags) => exponents(flags));
}

async function exponents(flags: ExponentsFlags): Promise<void> {
  const { leapExponents } = await import("../../theory/index.js");
  const link = await readLink(flags.link, flags.degree);
  const leaps = leapExponents(link);
  if (flags.json === true) printJson(exponentsJson(link, leaps));
  else printText(exponentsTable(flags.link, link, leaps));
}

/** `null` where there is no exponent. */
function exponentsJson(link: Link, leaps: Leaps): Record<string, unknown> {
  return {
    rank: link.rank,
    degree: link.degree,
    informationExponent: leaps.informationExponent ?? null,
    leap: leaps.leap ?? null,
    steps: leaps.steps.map(({ exponent, dimensions, basis, margin }) => ({
      exponent,
      dimensions,
      basis: basis.to2DArray(),
      margin,
    })),
    intrinsicDimension: leaps.intrinsicDimension,
    tolerance: leaps.tolerance,
    ...(leaps.reason === undefined ? {} : { reason: leaps.reason }),
  };
}

function exponentsTable(text: string, link: Link, leaps: Leaps): string {
  const { steps } = leaps;
  const head = `${pc.bold(text)}  ${count(link.rank, "variable")}, up to degree ${link.degree}`;
  if (steps.length === 0) return `${head}\n\n  ${leaps.reason ?? ""}`;
  const rows = steps.map(({ exponent, dimensions, basis }, i) => [
    String(i + 1),
    String(exponent),
    String(dimensions),
    exponent === 1 ? "log d" : exponent === 2 ? "d" : `d^${exponent - 1}`,
    basis
      .transpose()
      .to2DArray()
      .map((direction: number[]) => directionText(direction))
      .join(dimensions > 1 ? " | " : ""),
  ]);
  const left = link.rank - leaps.intrinsicDimension;
  return [
    head,
    "",
    ...tableLines(["step", "exponent", "new directions", "time", dimensionsHead(steps.length)], rows),
    "",
    `  information exponent ${leaps.informationExponent}, leap ${leaps.leap}, ${count(leaps.intrinsicDimension, "direction")}${left > 0 ? ` of ${link.rank}: the link is constant along the rest, up to degree ${link.degree}` : ""}`,
    `  ${pc.dim(`coefficients below ${figure(leaps.tolerance)} of the link count as none; time is the power of the input dimension d`)}`,
  ].join("\n");
}

const dimensionsHead = (steps: number): string => (steps > 1 ? "directions" : "direction");

/** A direction, which has no sign, in the variables: z1, or 0.707 z1 − 0.707 z2. */
function directionText(direction: readonly number[]): string {
  const lead = direction.find((value) => Math.abs(value) > 1e-9) ?? 1;
  const parts = direction
    .map((value, k) => ({ value: lead < 0 ? -value : value, name: `z${k + 1}` }))
    .filter(({ value }) => Math.abs(value) > 1e-9);
  if (parts.length === 1 && Math.abs(Math.abs(parts[0].value) - 1) < 1e-9) return parts[0].name;
  return parts
    .map(({ value, name }, i) => `${i === 0 ? "" : value < 0 ? "− " : "+ "}${Math.abs(value).toFixed(3)} ${name}`)
    .join(" ");
}
