// The public declarations of each entry point as text, kept in api-report/ so that every change of the API is seen.
// `node test/platforms/api-report.mjs` writes it; check-package.mjs compares. It reads dist/esm alone.

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

/** Prints what differs from the report that is kept: a change of the API is to be seen, not forbidden. */
export async function showApiChanges() {
  let changed = 0;
  for (const [name, text] of Object.entries(report())) {
    const kept = await readFile(join(here, 'api-report', name), 'utf8').catch(() => '');
    if (kept === text) continue;
    changed++;
    const [was, is] = [kept.split('\n'), text.split('\n')];
    process.stdout.write(`The API differs from test/platforms/api-report/${name}:\n`);
    for (const line of was.filter((line) => !is.includes(line))) process.stdout.write(`  - ${line}\n`);
    for (const line of is.filter((line) => !was.includes(line))) process.stdout.write(`  + ${line}\n`);
  }
  const advice = changed === 0 ? 'unchanged' : 'changed; keep the new one with: npm run report:api';
  process.stdout.write(`API report: ${advice}\n`);
  return [];
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await built();
  await mkdir(join(here, 'api-report'), { recursive: true });
  for (const [name, text] of Object.entries(report())) await writeFile(join(here, 'api-report', name), text);
  process.stdout.write(`Wrote ${Object.keys(ENTRIES).length} files below test/platforms/api-report\n`);
}
