// Leaves of the declarations that the compiler wrote what an entry point leads to, name by name: users' editors read no
// more, and the package is smaller. Called by build.mjs. It knows the form in which the compiler writes, and no more:
// statements begin at a line's start, one import or export names one module.

import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

const DECLARATION = /^(?:export )?(?:declare )?(?:abstract )?(?:class|interface|type|const|function) ([\w$]+)/;
const FROM = /^(import|export) (?:type )?(?:\{([^}]*)\}|\* as ([\w$]+)|\*)(?: from '([^']*)')?;$/;

/** Rewrites the files below `folder`, deletes those that hold nothing, and gives the paths of the others. */
export async function keepReachable(folder, entries) {
  const names = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.d.ts'));
  const modules = new Map();
  for (const name of names) {
    const path = join(folder, name);
    modules.set(path, readModule(path, await readFile(path, 'utf8')));
  }
  for (const path of entries) needAll(modules, modules.get(path));
  const kept = [];
  for (const [path, module] of modules) {
    const text = module.isReached ? textOf(module) : '';
    if (text === '') await rm(path);
    else {
      await writeFile(path, text);
      kept.push(path);
    }
  }
  return kept;
}

function readModule(path, text) {
  const module = { path, isReached: false, statements: statementsOf(text).map(readStatement) };
  for (const statement of module.statements) {
    const { from } = statement;
    // A list without it is of the file's own names.
    if (from === undefined) statement.from = path;
    else if (from.startsWith('.')) statement.from = join(dirname(path), from.replace(/\.js$/, '.d.ts'));
  }
  return module;
}

/** Each with the comment before it. */
function statementsOf(text) {
  const statements = [];
  let lines = [];
  let depth = 0;
  let isComment = false;
  for (const line of text.replace(/^#!.*\n/, '').split('\n')) {
    lines.push(line);
    const code = line.replace(/\/\*.*?\*\/|'[^']*'|"[^"]*"/g, '');
    if (isComment || code.includes('/*')) {
      isComment = !code.includes('*/');
      continue;
    }
    for (const character of code) depth += '{(['.includes(character) ? 1 : '})]'.includes(character) ? -1 : 0;
    const statement = lines.join('\n');
    // A union goes on after a member's brace.
    const end = /^(?:export )?(?:declare )?(?:type|const) /m.test(statement) ? /;$/ : /[;}]$/;
    if (depth !== 0 || !end.test(code)) continue;
    statements.push(statement);
    lines = [];
  }
  if (lines.join('').trim() !== '') throw new Error(`Cannot read a declaration: ${lines.join('\n')}`);
  return statements;
}

function readStatement(text) {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, '').trim();
  const reference = FROM.exec(code);
  if (reference !== null) {
    const [, verb, list, all, from] = reference;
    const specifiers = list?.split(',').flatMap((each) => (each.trim() === '' ? [] : [readSpecifier(each.trim())]));
    return { verb, from, all, specifiers, isKept: false };
  }
  if (code === 'export {};' || code === '') return { verb: 'none' };
  if (code.startsWith('declare global')) return { verb: 'global', text, isKept: true };
  const name = DECLARATION.exec(code)?.[1];
  if (name === undefined) throw new Error(`Cannot read a declaration: ${code.slice(0, 200)}`);
  const words = new Set(code.replace(/'[^']*'|"[^"]*"/g, '').match(/[A-Za-z_$][\w$]*/g));
  return { verb: 'declare', text, name, words, isExported: code.startsWith('export '), isKept: false };
}

/** `type A as B`: A is the name there, B the name here. */
function readSpecifier(text) {
  const [name, alias = name] = text.replace(/^type /, '').split(' as ');
  return { text, name, alias, isKept: false };
}

function needAll(modules, module) {
  if (module === undefined) return;
  module.isReached = true;
  for (const { verb, from, specifiers, isExported, name } of module.statements) {
    if (verb === 'export' && specifiers === undefined) needAll(modules, modules.get(from));
    for (const { alias } of (verb === 'export' && specifiers) || []) need(modules, module, alias);
    if (isExported) need(modules, module, name);
  }
  for (const statement of module.statements) if (statement.verb === 'export') statement.isKept = true;
}

/** True when the module has the name: what it is made from is then needed too. */
function need(modules, module, name) {
  let isFound = false;
  // Of Node, or of nobody here.
  if (module === undefined) return isFound;
  for (const statement of module.statements) {
    if (statement.verb === 'declare') {
      if (statement.name !== name) continue;
      isFound = true;
      if (statement.isKept) continue;
      statement.isKept = true;
      for (const word of statement.words) need(modules, module, word);
    } else if (statement.all === name) {
      statement.isKept = isFound = true;
      needAll(modules, modules.get(statement.from));
    } else if (statement.verb === 'export' && statement.specifiers === undefined) {
      if (!need(modules, modules.get(statement.from), name)) continue;
      statement.isKept = isFound = true;
    } else {
      for (const specifier of statement.specifiers ?? []) {
        if (specifier.alias !== name) continue;
        isFound = true;
        if (specifier.isKept) continue;
        specifier.isKept = statement.isKept = true;
        need(modules, modules.get(statement.from), specifier.name);
      }
    }
  }
  if (isFound) module.isReached = true;
  return isFound;
}

function textOf({ path, statements }) {
  const kept = statements.filter(({ isKept }) => isKept);
  if (kept.length === 0) return '';
  const texts = kept.map(({ verb, text, from, all, specifiers }) => {
    if (text !== undefined) return text;
    const list = specifiers?.filter(({ isKept }) => isKept).map((specifier) => specifier.text);
    const what = list ? `{ ${list.join(', ')} }` : all ? `* as ${all}` : '*';
    return from === path ? `${verb} ${what};` : `${verb} ${what} from '${relativeTo(path, from)}';`;
  });
  // A file without either would be no module.
  if (!texts.some((text) => /^(import|export) /m.test(text))) texts.push('export {};');
  return `${texts.join('\n')}\n`;
}

function relativeTo(path, target) {
  if (!target.endsWith('.d.ts')) return target;
  const [from, to] = [dirname(path).split('/'), target.replace(/\.d\.ts$/, '.js').split('/')];
  while (from.length > 0 && from[0] === to[0]) {
    from.shift();
    to.shift();
  }
  return `${from.length === 0 ? './' : '../'.repeat(from.length)}${to.join('/')}`;
}
