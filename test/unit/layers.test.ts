// Holds the table of imports in docs/architecture.md to be true, by reading the sources.
// Run by `npm test`. It must fail for a single import, type import or re-export that goes the wrong way.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { describe, test } from 'node:test';
import { filesBelow, importsOf, root, type SourceFile } from '../support/sources.ts';

/** Which rooms each room may import, through their `index.ts`. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  errors: [],
  json: ['errors'],
  resp: ['errors'],
  line: ['errors'],
  net: ['errors', 'resp', 'line'],
  pubsub: ['errors', 'resp', 'net'],
  api: ['errors', 'json', 'resp', 'net', 'pubsub'],
  codecs: ['errors', 'json'],
  index: ['errors', 'api'],
  server: ['errors', 'line'],
  cli: ['errors', 'api', 'server'],
};

/** Which `node:` modules each room may import, and in which file where only one may. */
const MAY_IMPORT_NODE: Record<string, readonly string[]> = {
  errors: [],
  json: [],
  resp: [],
  line: [],
  net: [],
  'net/node-platform.ts': ['node:net', 'node:tls'],
  pubsub: [],
  api: ['node:diagnostics_channel'],
  codecs: ['node:zlib', 'node:crypto'],
  index: [],
};

/** Says what is wrong with one import, or gives undefined. */
function complaint(path: string, specifier: string): string | undefined {
  const inside = path.slice('src/'.length);
  const room = roomOf(path);
  const allowed = MAY_IMPORT[room];
  if (allowed === undefined) return `${path} is in no known room`;
  if (specifier.startsWith('node:')) {
    const modules = MAY_IMPORT_NODE[inside] ?? MAY_IMPORT_NODE[room];
    if (modules === undefined || modules.includes(specifier)) return undefined;
    return `${path} imports ${specifier}, which ${room} must not`;
  }
  if (!specifier.startsWith('.')) return `${path} imports the package ${specifier}; there are no dependencies`;
  if (!specifier.endsWith('.ts')) return `${path} imports ${specifier}, which does not end in .ts`;
  const target = posix.join(posix.dirname(path), specifier);
  const targetRoom = roomOf(target);
  if (targetRoom === room) return undefined;
  if (!allowed.includes(targetRoom)) return `${path} imports ${target}: ${room} must not import ${targetRoom}`;
  if (target !== `src/${targetRoom}/index.ts`) return `${path} imports ${target} and not through the door index.ts`;
  return undefined;
}

function roomOf(path: string): string {
  const parts = path.split('/');
  return parts.length === 2 ? parts[1]!.replace(/\.ts$/, '') : parts[1]!;
}

/** A way from a file back to itself over its imports, or undefined. */
function findCircle(graph: Map<string, string[]>): string[] | undefined {
  const done = new Set<string>();
  const visit = (path: string, trail: string[]): string[] | undefined => {
    const at = trail.indexOf(path);
    if (at >= 0) return [...trail.slice(at), path];
    if (done.has(path)) return undefined;
    for (const next of graph.get(path) ?? []) {
      const circle = visit(next, [...trail, path]);
      if (circle !== undefined) return circle;
    }
    done.add(path);
    return undefined;
  };
  for (const path of graph.keys()) {
    const circle = visit(path, []);
    if (circle !== undefined) return circle;
  }
  return undefined;
}

/** Imports that exist when the program runs: `import type` and `export type` vanish. */
function runtimeImports(file: SourceFile): string[] {
  const code = file.text.replace(/\b(?:import|export)\s+type\b[^;]*?from\s*['"][^'"]+['"]/g, '');
  return importsOf(code)
    .filter((specifier) => specifier.startsWith('.'))
    .map((specifier) => posix.join(posix.dirname(file.path), specifier));
}

describe('layers', () => {
  const files = filesBelow('src', '.ts');

  test('every import of src goes downwards, through the other room’s index.ts', () => {
    assert.ok(files.length > 5, 'the sources were found');
    const complaints = files.flatMap(({ path, text }) =>
      importsOf(text)
        .map((specifier) => complaint(path, specifier))
        .filter((found) => found !== undefined),
    );
    assert.deepEqual(complaints, []);
  });

  test('no file imports itself over others', () => {
    const graph = new Map(files.map((file) => [file.path, runtimeImports(file)]));
    assert.equal(findCircle(graph), undefined);
  });

  test('docs/architecture.md names files that exist, every room, and every script', () => {
    const text = readFileSync(join(root, 'docs/architecture.md'), 'utf8');
    const named = [...text.matchAll(/`([\w-]+\/[\w./-]+)`/g)].map(([, path]) => path as string);
    const places = named.map(
      (path) => [`src/${path}`, path].find((place) => existsSync(join(root, place))) ?? `no ${path}`,
    );
    assert.deepEqual(
      places.filter((place) => place.startsWith('no ')),
      [],
    );
    const rooms = [...text.matchAll(/^\| `(\w+)` \|/gm)].map(([, room]) => room);
    assert.deepEqual(
      rooms.sort(),
      [...new Set(files.map(({ path }) => roomOf(path)))].filter((room) => room !== 'index').sort(),
    );
    const scripts = [...filesBelow('scripts', '.ts'), ...filesBelow('scripts', '.mjs')].map(({ path }) => path);
    assert.deepEqual(
      scripts.filter((path) => !places.includes(path)),
      [],
    );
  });

  test('the rule itself refuses each kind of wrong import', () => {
    assert.match(complaint('src/resp/decoder.ts', 'node:net') ?? '', /must not/);
    assert.match(complaint('src/resp/decoder.ts', '../net/index.ts') ?? '', /must not import net/);
    assert.match(complaint('src/net/connection.ts', 'node:net') ?? '', /must not/);
    assert.match(complaint('src/api/client.ts', '../server/index.ts') ?? '', /must not import server/);
    assert.match(complaint('src/api/client.ts', '../net/connection.ts') ?? '', /door/);
    assert.match(complaint('src/api/client.ts', './codec.js') ?? '', /end in \.ts/);
    assert.match(complaint('src/api/client.ts', 'redis') ?? '', /no dependencies/);
    assert.equal(complaint('src/net/node-platform.ts', 'node:tls'), undefined);
    assert.equal(complaint('src/index.ts', './api/index.ts'), undefined);
    const circle = findCircle(
      new Map([
        ['a', ['b']],
        ['b', ['c']],
        ['c', ['b']],
      ]),
    );
    assert.deepEqual(circle, ['b', 'c', 'b']);
  });

  test('imports are seen in every spelling', () => {
    const text = [
      "import a from './a.ts';",
      "import type { B } from './b.ts'; // import c from './not.ts'",
      "export * from './d.ts';",
      "export type { E,\n  F } from './e.ts';",
      "import './f.ts';",
      "const g = await import('./g.ts');",
      "type H = import('./h.ts').H;",
      "const i = require('./i.ts');",
    ].join('\n');
    assert.deepEqual(importsOf(text).sort(), [
      './a.ts',
      './b.ts',
      './d.ts',
      './e.ts',
      './f.ts',
      './g.ts',
      './h.ts',
      './i.ts',
    ]);
  });
});
