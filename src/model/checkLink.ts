/** The check of arguments that have to be links. */
import { describe } from "../base/assert.js";
import { InputError } from "../base/errors.js";

/** @throws {InputError} `TYPE` unless a link of any family */
export function checkLink(link: unknown): void {
  if (typeof link === "object" && link !== null && typeof (link as { toHermite?: unknown }).toHermite === "function")
    return;
  throw new InputError("TYPE", `link is ${describe(link)}; expected a Link, such as Link.parse("z1 + z1*z2").`, {
    details: { argument: "link" },
  });
}
