// The public declarations of each entry point as text, kept in api-report/ so that every change of the API is seen.
// `npm run report:api` writes it; check-package.mjs fails when it is not what is kept. It reads dist/esm alone.

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { built, here, modules, root } from './places.mjs';

const ENTRIES = {
  ashredis: 'index.d.ts',
  'ashredis-resp': 'resp/index.d.ts',
  'ashredis-server': 'server/index.d.ts',
  'ashredis-codecs': 'codecs/index.d.ts',
};

/** The report's text by file name. */
function report() {
  const ts = createRequire(join(modules, 'x.js'))('typescript');
  const files = Object.values(ENTRIES).map((file) => join(root, 'dist/esm', file));
  const program = ts.createProgram(files, {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
    lib: ['lib.es2022.d.ts'],
    types: [],
    strict: true,
  });
  const checker = program.getTypeChecker();
  const printer = ts.createPrinter({ removeComments: true, newLine: ts.NewLineKind.LineFeed });
  const texts = {};
  for (const [name, file] of Object.entries(ENTRIES)) {
    const source = program.getSourceFile(join(root, 'dist/esm', file));
    const symbols = checker.getExportsOfModule(checker.getSymbolAtLocation(source));
    const parts = symbols
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map((symbol) => {
        const real = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
        return (real.declarations ?? [])
          .map((node) => {
            const whole = ts.isVariableDeclaration(node) ? node.parent.parent : node;
            return printer.printNode(ts.EmitHint.Unspecified, whole, whole.getSourceFile());
          })
          .join('\n');
      });
    texts[`${name}.txt`] = `${parts.join('\n\n')}\n`;
  }
  return texts;
}

/** Resolves with what differs from the report that is kept: who changes the API keeps the new report in the same commit. */
export async function checkApi() {
  const problems = [];
  for (const [name, text] of Object.entries(report())) {
    const kept = await readFile(join(here, 'api-report', name), 'utf8').catch(() => '');
    if (kept === text) continue;
    const [was, is] = [kept.split('\n'), text.split('\n')];
    const lines = [
      ...was.filter((line) => !is.includes(line)).map((line) => `  - ${line}`),
      ...is.filter((line) => !was.includes(line)).map((line) => `  + ${line}`),
    ];
    const shown = lines.length === 0 ? ['  the same lines in another order'] : lines;
    problems.push(
      `differs from test/platforms/api-report/${name}; keep it with: npm run report:api\n${shown.join('\n')}`,
    );
  }
  return problems;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await built();
  await mkdir(join(here, 'api-report'), { recursive: true });
  for (const [name, text] of Object.entries(report())) await writeFile(join(here, 'api-report', name), text);
  process.stdout.write(`Wrote ${Object.keys(ENTRIES).length} files below test/platforms/api-report\n`);
}
