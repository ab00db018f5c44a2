// What scripts/compiled.mjs gives to Node's loader: imports of our own TypeScript lead to its compiled text.
// Run by Node, where it can in the thread itself. It must leave alone what is not below the repository or is not TypeScript.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = new URL('../', import.meta.url).href;
let compiled;

export function initialize(folder) {
  compiled = folder;
}

export function resolve(specifier, context, next) {
  // What Node would find out by looking at the file.
  if (specifier[0] === '.' && specifier.endsWith('.ts') && context.parentURL?.startsWith(root)) {
    return { url: new URL(specifier, context.parentURL).href, format: 'module', shortCircuit: true };
  }
  return next(specifier, context);
}

export function load(url, context, next) {
  if (!url.endsWith('.ts') || !url.startsWith(root)) return next(url, context);
  const path = decodeURI(url.slice(root.length, -'.ts'.length));
  return { format: 'module', source: readFileSync(join(compiled, `${path}.js`), 'utf8'), shortCircuit: true };
}
