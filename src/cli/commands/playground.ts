/** `leapflow playground`: serves the built page on 127.0.0.1, and nothing else to nobody else. */
import { createReadStream } from "node:fs";
import { readdir } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { extname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { checkInteger } from "../../base/assert.js";
import { LeapflowError, OptionError } from "../../base/errors.js";
import { numberOrWord } from "../fitFlags.js";
import { watchSignals } from "../outcome.js";
import { printJson, printText } from "../print.js";

interface PlaygroundFlags {
  readonly port: string;
  readonly json?: boolean;
}

const DEFAULT_PORT = "8417";
const HOST = "127.0.0.1";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".csv": "text/csv; charset=utf-8",
  ".json": "application/json",
  ".wasm": "application/wasm",
};

export function addPlaygroundCommand(program: Command): void {
  program
    .command("playground")
    .option("--port <n>", "port to listen on; 0 takes a free one", DEFAULT_PORT)
    .option("--json", "print the address as one JSON document")
    .action((flags: PlaygroundFlags) => runPlayground(flags));
}

async function runPlayground(flags: PlaygroundFlags): Promise<void> {
  const port = checkInteger(numberOrWord(flags.port), "--port", { min: 0, max: 65535 });
  // From a folder of the built package, whichever chunk this is in.
  const files = await filesOf(fileURLToPath(new URL("../playground/", import.meta.url)));
  const watch = watchSignals();
  const server = createServer((request, response) => answer(files, request, response));
  try {
    const url = `http://${HOST}:${await listen(server, port)}/`;
    if (flags.json === true) printJson({ url });
    else printText(`The playground is at ${url}  (Ctrl-C ends it)`);
    await new Promise<void>((_, reject) => {
      const stop = (): void => reject(watch.signal.reason);
      if (watch.signal.aborted) stop();
      else watch.signal.addEventListener("abort", stop, { once: true });
    });
  } finally {
    watch.stop();
    server.closeAllConnections();
    server.close();
  }
}

/** Every file of the page by its path in an address: what is not in this list cannot be asked for. */
async function filesOf(folder: string): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  try {
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath, entry.name);
      files.set(`/${relative(folder, path).split(sep).join("/")}`, path);
    }
  } catch (cause) {
    throw new LeapflowError("FILE", "The playground is not part of this build; run `npm run build` first.", { cause });
  }
  const index = files.get("/index.html");
  if (index !== undefined) files.set("/", index);
  return files;
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const why = error.code === "EADDRINUSE" ? "something else listens there" : error.message;
      const hint = "choose another one, or 0 for any that is free";
      reject(new OptionError("RANGE", `--port is ${port}, but ${why}; ${hint}.`, { details: { option: "--port" } }));
    });
    server.listen(port, HOST, () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : port);
    });
  });
}

function answer(files: ReadonlyMap<string, string>, request: IncomingMessage, response: ServerResponse): void {
  // A page of somebody else whose name leads here by DNS carries its own name in Host.
  const host = request.headers.host?.replace(/:\d+$/, "");
  const isLocal = host === HOST || host === "localhost";
  const isReading = request.method === "GET" || request.method === "HEAD";
  const file = files.get((request.url ?? "/").replace(/[?#].*$/s, ""));
  if (!isLocal) refuse(response, 403, "This server answers to 127.0.0.1 only.");
  else if (!isReading) refuse(response, 405, "Only reading is possible.");
  else if (file === undefined) refuse(response, 404, "There is no such file.");
  else send(file, request, response);
}

function send(file: string, request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200, {
    "content-type": TYPES[extname(file)] ?? "application/octet-stream",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    // Names of assets change with their content; the page itself is asked for again.
    "cache-control": file.includes(`${sep}assets${sep}`) ? "public, max-age=31536000, immutable" : "no-cache",
  });
  if (request.method === "HEAD") {
    response.end();
    return;
  }
  createReadStream(file)
    .on("error", () => response.destroy())
    .pipe(response);
}

function refuse(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff" });
  response.end(`${text}\n`);
}
