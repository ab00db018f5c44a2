// Reads the repository's own sources for the tests that hold its rules: files, imports, code blocks of documents.
// Called by the layers, house and docs tests. It must only read.

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

export interface SourceFile {
  /** Relative to the repository, with `/`. */
  readonly path: string;
  readonly text: string;
}

/** All files below a folder whose names end in `suffix`, sorted, without `node_modules` and build output. */
export function filesBelow(folder: string, suffix: string): SourceFile[] {
  const names = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' });
  return names
    .map((name) => posix.join(folder, name.replaceAll('\\', '/')))
    .filter((path) => path.endsWith(suffix) && !/(^|\/)(node_modules|dist|\.tmp)\//.test(path))
    .sort()
    .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));
}

/** Every specifier that a source imports, re-exports or loads, with comments taken out first. */
export function importsOf(text: string): string[] {
  const code = withoutComments(text);
  const found: string[] = [];
  for (const match of code.matchAll(/\b(?:import|export)\b[^'"`;]*?\bfrom\s*(['"])([^'"]+)\1/g)) found.push(match[2]!);
  for (const match of code.matchAll(/\bimport\s*\(?\s*(['"])([^'"]+)\1/g)) found.push(match[2]!);
  for (const match of code.matchAll(/\brequire\(\s*(['"])([^'"]+)\1/g)) found.push(match[2]!);
  return found;
}

/** Comments become blanks; strings, templates and line numbers stay as they are. */
export function withoutComments(text: string): string {
  const pattern = /('(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\[\s\S]|[^`\\])*`)|\/\/[^\n]*|\/\*[\s\S]*?\*\//g;
  return text.replace(pattern, (match, string) => (string === undefined ? match.replace(/[^\n]/g, ' ') : match));
}

export interface CodeBlock {
  readonly file: string;
  /** Of the opening fence, from 1. */
  readonly line: number;
  /** `ts`, `js`, `sh`, … */
  readonly language: string;
  /** The words after the language. */
  readonly flags: readonly string[];
  readonly code: string;
}

/** Fenced blocks of a Markdown document. */
export function codeBlocks(file: SourceFile): CodeBlock[] {
  const blocks: CodeBlock[] = [];
  const lines = file.text.split('\n');
  for (let index = 0; index < lines.length; index++) {
    const open = /^(\s*)```+\s*(\S+)\s*(.*)$/.exec(lines[index]!);
    if (open === null) continue;
    const body: string[] = [];
    const line = index + 1;
    for (index++; index < lines.length && !/^\s*```+\s*$/.test(lines[index]!); index++) {
      body.push(lines[index]!.slice(open[1]!.length));
    }
    const flags = open[3]!.split(/\s+/).filter((flag) => flag !== '');
    blocks.push({ file: file.path, line, language: open[2]!, flags, code: body.join('\n') });
  }
  return blocks;
}
