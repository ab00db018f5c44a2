// Holds the rules of the house that a reader can check line by line: opening comments, names, what is never written.
// Run by `npm test`. It reads sources only; what a compiler or linter checks is not checked again here.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, test } from 'node:test';
import { READ_TYPESCRIPT } from '../support/read-typescript.ts';
import { filesBelow, root, withoutComments } from '../support/sources.ts';

const sources = filesBelow('src', '.ts');
const typescript = [...sources, ...filesBelow('test', '.ts'), ...filesBelow('examples', '.ts')];

/** Lines of `code` outside comments that match, as `path:line: text`. */
function linesMatching(pattern: RegExp, files = sources): string[] {
  return files.flatMap(({ path, text }) =>
    withoutComments(text)
      .split('\n')
      .map((line, index) => (pattern.test(line) ? `${path}:${index + 1}: ${line.trim()}` : ''))
      .filter((line) => line !== ''),
  );
}

describe('the house', () => {
  test('every source, test and example opens with a comment that says what it is for', () => {
    const bare = typescript.filter(({ text }) => !/^(#![^\n]*\n)?(\/\/ \S|\/\*)/.test(text));
    assert.deepEqual(
      bare.map(({ path }) => path),
      [],
    );
  });

  test('no source has a default export, an enum, a namespace or a parameter property', () => {
    assert.deepEqual(linesMatching(/^\s*export default\b/, typescript), []);
    assert.deepEqual(linesMatching(/^\s*(export\s+)?(declare\s+)?(const\s+)?enum\s/), []);
    assert.deepEqual(linesMatching(/^\s*(export\s+)?(declare\s+)?(namespace|module)\s+[\w']/), []);
    assert.deepEqual(linesMatching(/constructor\((.*,)?\s*(private|public|protected|readonly)\s/), []);
  });

  test('no module of src holds state: no let, no var, no collection that grows at the top level', () => {
    assert.deepEqual(linesMatching(/^(export\s+)?(let|var)\s/), []);
    // But for a WeakMap: what it holds belongs to an object of others, and goes with it.
    assert.deepEqual(linesMatching(/^(export\s+)?const\s+\w+(:[^=]+)?\s*=\s*new (Map|Set|WeakSet)(<.*>)?\(\)/), []);
  });

  test('nothing is private by keyword: #private holds at run time as well', () => {
    assert.deepEqual(linesMatching(/^\s*private\s/), []);
  });

  test('names of files are kebab-case and none is a util, helper, manager, base or impl', () => {
    const names = sources.map(({ path }) => basename(path));
    assert.deepEqual(
      names.filter((name) => !/^[a-z0-9]+(-[a-z0-9]+)*\.ts$/.test(name)),
      [],
    );
    assert.deepEqual(
      names.filter((name) => /(^|-)(utils?|helpers?|manager|base|impl|misc|common)\.ts$/.test(name)),
      [],
    );
  });

  test('no source file of the package is longer than 470 lines', () => {
    const lengths = sources.map(({ path, text }) => [path, text.split('\n').length] as const);
    assert.deepEqual(
      lengths.filter(([, lines]) => lines > 470),
      [],
    );
  });

  test('package.json has no dependencies, no install script and the two commands', () => {
    const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    for (const kind of ['dependencies', 'peerDependencies', 'optionalDependencies', 'bundledDependencies']) {
      assert.deepEqual(Object.keys(manifest[kind] ?? {}), [], kind);
    }
    for (const hook of ['preinstall', 'install', 'postinstall', 'prepare'])
      assert.equal(manifest.scripts[hook], undefined);
    assert.deepEqual(Object.keys(manifest.bin).sort(), ['ashredis', 'ashredis-server']);
    assert.deepEqual(Object.keys(manifest.devDependencies).sort(), [
      '@biomejs/biome',
      '@types/node',
      'tsx',
      'typescript',
    ]);
    assert.equal(manifest.sideEffects, false);
  });

  test('importing the client opens nothing, reads no environment and starts no timer', () => {
    const script = `
      let reads = 0;
      const env = process.env;
      // Node's own loader reads it as well; only who asks directly counts.
      const direct = () => (new Error().stack.split('\\n')[3] ?? '').includes('/src/');
      Object.defineProperty(process, 'env', { get() { if (direct()) reads++; return env; }, configurable: true });
      await import('./src/index.ts'); await import('./src/resp/index.ts');
      await import('./src/server/index.ts'); await import('./src/codecs/index.ts');
      const kinds = process.getActiveResourcesInfo().filter((kind) => /Timer|Timeout|Immediate|TCP|TLS|UDP|DNS/i.test(kind));
      if (reads > 0) throw new Error('process.env was read at import');
      if (kinds.length > 0) throw new Error('left open by the import: ' + kinds);
      process.stdout.write('clean');`;
    const output = execFileSync(process.execPath, [...READ_TYPESCRIPT, '--input-type=module', '-e', script], {
      cwd: root,
    });
    assert.equal(output.toString(), 'clean');
  });
});
