/** `leapflow playground`: what its server answers, and to whom. */
import { type ChildProcess, spawn } from "node:child_process";
import { request } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { leapflow, MAIN } from "../cli/run.js";

let child: ChildProcess;
let port = 0;
beforeAll(async () => {
  child = spawn(process.execPath, [MAIN, "playground", "--port", "0", "--json"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const text = await new Promise<string>((resolve) => child.stdout?.once("data", (data) => resolve(String(data))));
  const { url } = JSON.parse(text) as { url: string };
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
  port = Number(new URL(url).port);
});
afterAll(() => {
  child?.kill("SIGKILL");
});

interface Answer {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
}

/** A request as it is: nothing tidies its path or its Host. */
function ask(path: string, { method = "GET", host = `127.0.0.1:${port}` } = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: "127.0.0.1", port, path, method, headers: { host } }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode, headers: response.headers, text }));
    });
    sent.on("error", reject).end();
  });
}

test("the page and everything it names are there, with their types", async () => {
  const page = await ask("/");
  expect(page.status).toBe(200);
  expect(page.headers["content-type"]).toBe("text/html; charset=utf-8");
  expect(page.headers["x-content-type-options"]).toBe("nosniff");
  expect(page.text).toContain("wasm-unsafe-eval");
  expect(page.text).not.toMatch(/unsafe-inline|'unsafe-eval'/);
  const named = [...page.text.matchAll(/(?:src|href)="(\.\/[^"]+)"/g)].map(([, path]) => path.slice(1));
  expect(named.length).toBeGreaterThanOrEqual(3);
  const types: Record<string, string> = { js: "text/javascript", css: "text/css", svg: "image/svg+xml" };
  for (const path of named) {
    const file = await ask(path);
    expect(file.status, path).toBe(200);
    expect(file.headers["content-type"], path).toContain(types[path.split(".").at(-1) as string]);
  }
});

test("HEAD gives the headers alone; other methods are refused", async () => {
  expect(await ask("/", { method: "HEAD" })).toMatchObject({ status: 200, text: "" });
  for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) expect((await ask("/", { method })).status).toBe(405);
});

test.each([
  "/../package.json",
  "/..%2fpackage.json",
  "/%2e%2e/cli/main.js",
  "//etc/passwd",
  "/assets/../../index.js",
  "/assets",
  "/nothing",
  "/%",
  "/index.html/",
])("%s is not served", async (path) => {
  expect((await ask(path)).status).toBe(404);
});

test("a foreign Host is refused, so that a name pointed here by DNS reads nothing", async () => {
  for (const host of ["evil.example", `evil.example:${port}`, "127.0.0.1.evil.example"])
    expect((await ask("/", { host })).status).toBe(403);
  expect((await ask("/", { host: `localhost:${port}` })).status).toBe(200);
});

test("a port that is taken is wrong use; so is none", async () => {
  const taken = await leapflow(["playground", "--port", port]);
  expect(taken).toMatchObject({ code: 2, stdout: "" });
  expect(taken.stderr).toMatch(/^leapflow: --port is \d+, but something else listens there[^\n]*\n$/);
  expect((await leapflow(["playground", "--port", "many"])).code).toBe(2);
});

test("it ends on SIGTERM with its code", async () => {
  const code = await new Promise((resolve) => {
    const other = spawn(process.execPath, [MAIN, "playground", "--port", "0"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    other.on("close", resolve);
    other.stdout.once("data", () => other.kill("SIGTERM"));
  });
  expect(code).toBe(143);
});
