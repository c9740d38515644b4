/** The runnable parts of a Markdown document. */

export interface Fence {
  /** First word after the back-ticks, in lower case. */
  readonly language: string;
  readonly text: string;
  /** Line of the opening fence, from 1. */
  readonly line: number;
  /** `<!-- not run -->` stands directly before it. */
  readonly skipped: boolean;
}

/** Something to run: a program, or one command of a shell block. */
export interface Runnable {
  readonly kind: "program" | "command";
  readonly language: string;
  readonly text: string;
  readonly line: number;
}

const SKIP = /^\s*<!-- not run -->\s*$/;
const SHELL = ["sh", "bash", "shell", "zsh", "console", "shell-session"];
/** First shell blocks of the README: the build and the tests themselves, which are running already. */
const FIRST_BLOCKS = 2;

/** All fenced blocks, in order. */
export function fences(markdown: string): Fence[] {
  const lines = markdown.split(/\r?\n/);
  const out: Fence[] = [];
  for (let i = 0; i < lines.length; i++) {
    const open = /^ {0,3}(`{3,})\s*([^\s`]*)[^`]*$/.exec(lines[i]);
    if (!open) continue;
    const close = new RegExp(`^ {0,3}${open[1]}\`*\\s*$`);
    let end = i + 1;
    while (end < lines.length && !close.test(lines[end])) end++;
    out.push({
      language: open[2].toLowerCase(),
      text: lines.slice(i + 1, end).join("\n"),
      line: i + 1,
      skipped: i > 0 && SKIP.test(lines[i - 1]),
    });
    i = end;
  }
  return out;
}

/** Programs that import leapflow, and `leapflow …` commands after the first shell blocks, in order. */
export function runnables(markdown: string, firstBlocks = FIRST_BLOCKS): Runnable[] {
  const out: Runnable[] = [];
  let shells = 0;
  for (const { language, text, line, skipped } of fences(markdown)) {
    const prompted = /^\s*\$ /m.test(text);
    if (SHELL.includes(language) || (language === "" && prompted)) {
      if (shells++ < firstBlocks || skipped) continue;
      out.push(...commands(text, prompted, line));
    } else if (["ts", "js", "typescript", "javascript", "mjs"].includes(language) && !skipped) {
      const imports = /\bfrom\s*["']leapflow(\/[^"']*)?["']|\b(?:require|import)\(\s*["']leapflow(\/[^"']*)?["']\s*\)/;
      if (imports.test(text))
        out.push({ kind: "program", language: language.startsWith("t") ? "ts" : "js", text, line });
    }
  }
  return out;
}

function commands(text: string, prompted: boolean, fenceLine: number): Runnable[] {
  const lines = text.split("\n");
  const out: Runnable[] = [];
  for (let i = 0; i < lines.length; i++) {
    const line = fenceLine + 1 + i;
    let command = lines[i].trim();
    if (prompted && !command.startsWith("$ ")) continue;
    while (command.endsWith("\\") && i + 1 < lines.length) command = `${command.slice(0, -1)}${lines[++i].trim()}`;
    command = command
      .replace(/^\$ /, "")
      .replace(/^(?:npx |node dist\/cli\/main\.js(?= )|\.\/node_modules\/\.bin\/)/, (prefix) =>
        prefix.startsWith("node ") ? "leapflow" : "",
      );
    if (/^leapflow(\s|$)/.test(command)) out.push({ kind: "command", language: "sh", text: command, line });
  }
  return out;
}

/** What a program says that it prints: `console.log(…); // literal`, in order. */
export function promisedOutput(program: string): string[] {
  const literal = /console\.log\(.*\);?\s*\/\/\s*(true|false|-?\d+(?:\.\d+)?(?:e[+-]?\d+)?|"[^"]*")\s*$/;
  return program.split("\n").flatMap((line) => {
    const match = literal.exec(line);
    return match ? [match[1].replace(/^"(.*)"$/, "$1")] : [];
  });
}
