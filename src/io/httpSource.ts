/** Files behind an http(s) URL, read by range requests. */
import { formatBytes } from "../base/assert.js";
import { FormatError } from "../base/errors.js";
import { type ByteSource, changedError, memorySource } from "./byteSource.js";
import { fileError } from "./files.js";

/**
 * A file behind a URL. A server without range requests is asked for the whole file once, which then stays in memory.
 * @throws {FormatError} `FILE` with the status of the answer
 */
export async function httpSource(url: string, name: string): Promise<ByteSource> {
  const first = await request(url, name, { headers: { Range: "bytes=0-0" } });
  if (first.status !== 206) return memorySource(new Uint8Array(await first.arrayBuffer()), name);
  const size = sizeOf(first) ?? sizeOf(await request(url, name, { method: "HEAD" }));
  await first.body?.cancel();
  if (size === undefined) throw fileError("read", name, new Error("the server does not tell its size"));
  const stamp = stampOf(first);
  const compare = (answer: Response): void => {
    const now = sizeOf(answer);
    if (now !== undefined && now !== size)
      throw changedError(name, `it had ${formatBytes(size)} and has ${formatBytes(now)} now`);
    if (stampOf(answer) !== stamp) throw changedError(name, "the server has another version now");
  };
  return {
    name,
    open: async () => ({
      name,
      size,
      async read(start, end) {
        if (start === end) return new Uint8Array(0);
        const answer = await request(url, name, { headers: { Range: `bytes=${start}-${end - 1}` } });
        compare(answer);
        const bytes = new Uint8Array(await answer.arrayBuffer().catch((cause: unknown) => failed(name, cause)));
        // A server may stop honouring ranges in mid-way and send all.
        const part = answer.status === 206 ? bytes : bytes.slice(start, end);
        if (part.length !== end - start)
          throw changedError(name, `${formatBytes(part.length)} came for a longer range`);
        return part;
      },
      check: async () => undefined,
      close: async () => undefined,
    }),
  };
}

async function request(url: string, name: string, options: RequestInit): Promise<Response> {
  const answer = await fetch(url, options).catch((cause: unknown) => failed(name, cause));
  if (answer.ok) return answer;
  await answer.body?.cancel();
  throw new FormatError("FILE", `Cannot read ${name}: the server answers ${answer.status} ${answer.statusText}.`, {
    details: { path: name, status: answer.status },
  });
}

function failed(name: string, cause: unknown): never {
  // fetch says "fetch failed" and keeps the reason to itself.
  const reason = (cause as { cause?: unknown } | null)?.cause;
  throw fileError("read", name, reason instanceof Error ? reason : cause);
}

/** Bytes of the whole file, from either header that may tell them. */
function sizeOf(answer: Response): number | undefined {
  const text =
    answer.status === 206
      ? answer.headers.get("content-range")?.match(/\/(\d+)$/)?.[1]
      : answer.headers.get("content-length");
  return text === undefined || text === null ? undefined : Number(text);
}

const stampOf = ({ headers }: Response): string => headers.get("etag") ?? headers.get("last-modified") ?? "";
