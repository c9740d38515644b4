/** Type errors that a user's compiler reports for a program in the unpacked project. */
import { join } from "node:path";
import ts from "typescript";
import { root } from "./project.js";

/** How users configure their projects; the declarations of the package are checked, not taken on trust. */
const STRICT: ts.CompilerOptions = {
  noEmit: true,
  strict: true,
  noUnusedLocals: false,
  target: ts.ScriptTarget.ES2022,
  skipLibCheck: false,
  types: [],
};

export const NODE_NEXT: ts.CompilerOptions = {
  ...STRICT,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
};
export const BUNDLER: ts.CompilerOptions = {
  ...STRICT,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
};
export const NODE_TYPES: ts.CompilerOptions = { types: ["node"], typeRoots: [join(root, "node_modules/@types")] };
export const PAGE_LIBRARIES: ts.CompilerOptions = { lib: ["lib.es2022.d.ts", "lib.dom.d.ts"] };
export const NODE_LIBRARIES: ts.CompilerOptions = { lib: ["lib.es2023.d.ts"], ...NODE_TYPES };

/** One line per error in the files or in the declarations of leapflow: `file(line): message`. */
export function typeErrors(files: readonly string[], options: ts.CompilerOptions): string[] {
  const program = ts.createProgram(files, options);
  // Checking other packages' declarations too would take ten times as long and tell nothing about this one.
  const judged = program
    .getSourceFiles()
    .filter(({ fileName }) => files.includes(fileName) || fileName.includes("/node_modules/leapflow/"));
  const diagnostics = [...program.getOptionsDiagnostics(), ...program.getGlobalDiagnostics()];
  for (const file of judged) {
    diagnostics.push(...program.getSyntacticDiagnostics(file));
    if (!(options.skipLibCheck && file.isDeclarationFile)) diagnostics.push(...program.getSemanticDiagnostics(file));
  }
  return diagnostics.map(({ file, start, messageText }) => {
    const where = file ? `${file.fileName}(${file.getLineAndCharacterOfPosition(start ?? 0).line + 1}): ` : "";
    return where + ts.flattenDiagnosticMessageText(messageText, "\n");
  });
}
