/** The link of a model: any of the families, and the reader that tells them apart. */
import { describe } from "../base/assert.js";
import type { CustomLink, CustomLinkData } from "./customLink.js";
import { KernelLink, type KernelLinkData } from "./kernelLink.js";
import { Link, type LinkData } from "./link.js";
import { ReluLink, type ReluLinkData } from "./reluLink.js";
import { own, StoredReader } from "./stored.js";

/** A link of any family; `family` tells which, and narrows the type. */
export type ModelLink = Link | KernelLink | ReluLink | CustomLink;

/** A link of any family as plain data. */
export type ModelLinkData = LinkData | KernelLinkData | ReluLinkData | CustomLinkData;

const reader = new StoredReader("link");
const FAMILIES = '"hermite", "kernel" or "relu"';

/** The record kept of a link; that of a custom one lacks its functions. */
export const recordOf = (link: ModelLink): ModelLinkData => (link.family === "custom" ? link.data : link.toJSON());

/**
 * The link that `toJSON` described, whatever its family.
 *
 * @param path - where in a larger document the link stands, for messages
 * @throws {FormatError} `FORMAT` with path and reason
 */
export function readLink(json: unknown, path = "$"): ModelLink {
  const family = own(json, "family");
  if (family === "hermite") return Link.fromJSON(json, path);
  if (family !== "kernel" && family !== "relu") {
    const functions = family === "custom" ? ", and a custom link consists of functions, which no file holds" : "";
    throw reader.wrong(`${path}.family`, `is ${describe(family)}; expected ${FAMILIES}${functions}`);
  }
  const degree = own(json, "degree");
  if (degree !== null) throw reader.wrong(`${path}.degree`, `is ${describe(degree)}; expected null`);
  return family === "kernel" ? KernelLink.fromJSON(json, path) : ReluLink.fromJSON(json, path);
}
