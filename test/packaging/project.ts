/** The package as a user gets it: packed once, unpacked into an empty project outside the repository. */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../../", import.meta.url));

export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly type?: string;
  readonly sideEffects?: boolean;
  readonly bin: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly files: readonly string[];
  readonly scripts?: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

export interface PackedFile {
  readonly path: string;
  readonly size: number;
  readonly mode: number;
}

export interface Project {
  /** An otherwise empty project whose node_modules hold the unpacked package and links to its dependencies. */
  readonly folder: string;
  /** node_modules/leapflow in it. */
  readonly installed: string;
  /** Shared with other tests of the same build. */
  readonly tarball: string;
  readonly packedBytes: number;
  readonly files: readonly PackedFile[];
  readonly manifest: Manifest;
  /** Writes a file into the project and gives its path. */
  write(name: string, text: string): string;
  remove(): void;
}

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly wallMs: number;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** The child is killed after this; its `code` is then null. */
  readonly timeoutMs?: number;
}

/** Runs a program to its end; never rejects. */
export function run(file: string, args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const { NODE_OPTIONS: _, FORCE_COLOR: __, ...inherited } = process.env;
  const env = { ...inherited, NO_COLOR: "1", ...options.env };
  const started = performance.now();
  return new Promise((resolve) => {
    const child = spawn(file, args, { cwd: options.cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    const timer = setTimeout(() => child.kill("SIGKILL"), options.timeoutMs ?? 50_000);
    let stdout = "";
    let stderr = "";
    const end = (code: number | null): void => {
      clearTimeout(timer);
      resolve({ code, stdout, stderr, wallMs: performance.now() - started });
    };
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      stdout += chunk;
    });
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      stderr += chunk;
    });
    child.on("error", (error) => {
      stderr += String(error);
      end(-1);
    });
    child.on("close", end);
  });
}

/** Runs Node and gives what it printed; throws with its stderr when it fails, hangs or complains. */
export async function printed(args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await run(process.execPath, args, options);
  if (code !== 0 || stderr !== "") {
    const why = code === null ? "was killed after the time limit" : `exit code ${code}`;
    throw new Error(`node ${args.join(" ")}: ${why}\n${stderr}${stdout}`);
  }
  return stdout;
}

/**
 * Unpacks the package of the existing build. Dependencies are links into the repository, so nothing is downloaded; what
 * package.json does not declare is not found.
 */
export async function createProject(): Promise<Project> {
  if (!existsSync(join(root, "dist/index.js"))) {
    throw new Error("dist/ is missing; the packaging tests look at the build. Run `npm run build` first.");
  }
  const folder = mkdtempSync(join(tmpdir(), "leapflow-packaging-"));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  try {
    const packed = await packOnce();
    const installed = join(folder, "node_modules/leapflow");
    mkdirSync(installed, { recursive: true });
    const untar = await run("tar", ["-xzf", packed.tarball, "-C", installed, "--strip-components=1"]);
    if (untar.code !== 0) throw new Error(`the tarball cannot be unpacked: ${untar.stderr}`);
    const manifest = JSON.parse(readFileSync(join(installed, "package.json"), "utf8")) as Manifest;
    for (const name of Object.keys(manifest.dependencies)) {
      const link = join(folder, "node_modules", name);
      mkdirSync(dirname(link), { recursive: true });
      symlinkSync(join(root, "node_modules", name), link, "junction");
    }
    const write = (name: string, text: string): string => {
      const path = join(folder, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
      return path;
    };
    write("package.json", JSON.stringify({ name: "consumer", version: "1.0.0", private: true }));
    return { folder, installed, manifest, write, remove, ...packed };
  } catch (error) {
    remove();
    throw error;
  }
}

type Packed = Pick<Project, "tarball" | "packedBytes" | "files">;

/** The build as it is now, packed by whoever needs it first and kept beside the other modules. */
async function packOnce(): Promise<Packed> {
  const store = join(root, "node_modules/.cache/tests/packed");
  const stamp = stampOf(["dist", "."]);
  const folder = join(store, stamp);
  const report = join(folder, "report.json");
  if (!existsSync(report)) {
    mkdirSync(store, { recursive: true });
    for (const name of readdirSync(store))
      if (name.length === stamp.length && name !== stamp) rmSync(join(store, name), { recursive: true, force: true });
    const fresh = mkdtempSync(join(store, "new-"));
    writeFileSync(join(fresh, "report.json"), JSON.stringify(await pack(fresh)));
    try {
      renameSync(fresh, folder);
    } catch {
      // Another process was first, with the same.
      rmSync(fresh, { recursive: true });
    }
  }
  const { tarball, ...about } = JSON.parse(readFileSync(report, "utf8")) as Packed;
  return { ...about, tarball: join(folder, tarball) };
}

/** Changes with every file of the build and beside package.json. */
function stampOf(folders: readonly string[]): string {
  const hash = createHash("sha256");
  for (const folder of folders) {
    for (const name of readdirSync(join(root, folder), { recursive: folder !== ".", encoding: "utf8" }).sort()) {
      const about = statSync(join(root, folder, name));
      if (about.isFile()) hash.update(`${folder}/${name} ${about.mtimeMs} ${about.size}\n`);
    }
  }
  return hash.digest("hex");
}

/** `tarball` is its name in the folder. */
async function pack(folder: string): Promise<Packed> {
  const args = ["pack", "--json", "--ignore-scripts", "--pack-destination", folder];
  // A development dependency brings an npm of 2022 into node_modules/.bin, which scripts would find first.
  const path = (process.env.PATH ?? "")
    .split(delimiter)
    .filter((entry) => !/node_modules[\\/]\.bin[\\/]?$/.test(entry))
    .join(delimiter);
  const env = { PATH: path, npm_config_update_notifier: "false", npm_config_offline: "true" };
  const { code, stdout, stderr } = await run("npm", args, { cwd: root, env });
  if (code !== 0) throw new Error(`npm pack failed: ${stderr}`);
  const [report] = Object.values(
    JSON.parse(stdout.slice(stdout.search(/^[[{]/m))) as Record<
      string,
      { filename: string; size: number; files: PackedFile[] }
    >,
  );
  return { tarball: report.filename, packedBytes: report.size, files: report.files };
}
