// The JavaScript that ships: one file an entry point, and what entry points share in chunks/, so that a class is the same
// through every door and `import 'ashredis'` opens few files (measured: a third of the time that a file a module takes). Called
// by build.mjs and bench/build-ours.mjs, each with its own esbuild. It must never minify or rename classes: people read traces.

import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { restoreTopLevel } from './top-level.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const SETTINGS = { platform: 'node', target: 'es2022', legalComments: 'none', logLevel: 'warning' };

/**
 * A chunk and its CommonJS twin lie side by side in the tarball, and gzip looks 32 KiB back: the twin of a smaller chunk
 * costs next to nothing. But each cut costs time at import (0.4 ms for each import between chunks), so the client is
 * cut only until so much is left (measured: 5 to 10 % more time, a fifth less to download; all of it: 40 %, a quarter).
 */
const PIECE_BYTES = 30_000;
const CLIENT_REST_BYTES = 120_000;

/** Resolves with `{ path, text }` of each module; `entries` are paths below src and become paths of modules. */
export async function esModules(esbuild, entries) {
  const whole = await bundle(esbuild, entries, new Map());
  const { outputFiles, metafile } = await bundle(esbuild, entries, cuts(whole));
  const names = chunkNames(metafile);
  const modules = outputFiles
    .map(({ path, text }) => ({ path: path.slice(join(root, 'out/').length), text }))
    .filter(({ path }) => !path.startsWith('cut/'));
  return Promise.all(
    modules.map(async ({ path, text }) => {
      // esbuild imports all chunks below once more, for the order of effects; there are none.
      const bare = (await withoutComments(esbuild, path, text)).replace(/^import "\.[^"]*";\n/gm, '');
      const [place, code] = [renamed(path, names), renamed(withClassNames(path, bare), names)];
      // Nobody bundles the commands.
      if (/^(cli|chunks\/cli)\b/.test(place)) return { path: place, text: code };
      return { path: place, text: await restoreTopLevel(esbuild, code) };
    }),
  );
}

/** The same files for `require()`: file by file, so that what is shared stays shared. */
export async function commonJsModules(esbuild, modules) {
  return Promise.all(
    modules.map(async ({ path, text }) => {
      // For Node esbuild lists the names once more, for those who `import` CommonJS: nobody does that with a chunk.
      const platform = path.startsWith('chunks/') ? 'neutral' : 'node';
      const { code } = await esbuild.transform(text, { ...SETTINGS, platform, format: 'cjs', sourcefile: path });
      return { path, text: code };
    }),
  );
}

/** The nearest package.json decides how Node reads a .js file, and how TypeScript reads the .d.ts beside it. */
export async function writeModules(folder, type, modules) {
  for (const { path, text } of modules) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
    if (text.startsWith('#!')) await chmod(join(folder, path), 0o755);
  }
  await writeFile(join(folder, 'package.json'), `{ "type": "${type}", "sideEffects": false }\n`);
}

/** `pieces` has names and the modules that they import; esbuild makes a chunk of what the same entry points reach. */
function bundle(esbuild, entries, pieces) {
  return esbuild.build({
    ...SETTINGS,
    absWorkingDir: root,
    entryPoints: [
      ...entries.map((entry) => ({ in: join('src', entry), out: entry.replace(/\.ts$/, '') })),
      ...[...pieces.keys()].map((name) => ({ in: `cut:${name}`, out: `cut/${name}` })),
    ],
    outdir: 'out',
    bundle: true,
    splitting: true,
    format: 'esm',
    chunkNames: 'chunks/[hash]',
    metafile: true,
    write: false,
    plugins: [cutAt(pieces)],
    // A piece's imports are there to be reached, not to run.
    logOverride: { 'ignored-bare-import': 'silent' },
  });
}

function cutAt(pieces) {
  return {
    name: 'cut-at',
    setup(build) {
      build.onResolve({ filter: /^cut:/ }, ({ path }) => ({ path: path.slice(4), namespace: 'cut' }));
      build.onLoad({ filter: /./, namespace: 'cut' }, ({ path }) => ({
        contents: pieces
          .get(path)
          .map((module) => `import ${JSON.stringify(`./${module}`)};`)
          .join('\n'),
        resolveDir: root,
      }));
    },
  };
}

/** Comments are for the declarations: in the code they would be a third of what people download. */
async function withoutComments(esbuild, path, text) {
  // Bundling leaves those inside of classes and tables, on lines of their own; `// src/…` says where a part is from.
  const bare = text.replace(/^ *\/\*\*?(?! @__PURE__)[\s\S]*?\*\/\n/gm, '').replace(/^ *\/\/ (?!src\/).*\n/gm, '');
  const essence = async (code) => (await esbuild.transform(code, { ...SETTINGS, minifyWhitespace: true })).code;
  if ((await essence(bare)) === (await essence(text))) return bare;
  throw new Error(`Cannot build ${path}: what looks like a comment is code`);
}

/** Where chunks are cut, by piece: all modules up to the cut, with those of the chunks below. */
function cuts({ metafile: { outputs }, outputFiles }) {
  const pieces = new Map();
  for (const [path, { entryPoint, inputs, bytes }] of Object.entries(outputs)) {
    // The decoder is never cut: only within a module are constants such to the engine (measured: 4 % of a message).
    if (entryPoint !== undefined || ['cli', 'resp'].includes(roomOf(inputs))) continue;
    const { text } = outputFiles.find((file) => file.path.endsWith(path));
    const uncut = roomOf(inputs) === 'api' ? CLIENT_REST_BYTES : PIECE_BYTES;
    const modules = [...below(outputs, path)].flatMap((chunk) => Object.keys(outputs[chunk].inputs));
    let [rest, size] = [bytes, 0];
    for (const module of orderOf(text)) {
      const added = inputs[module].bytesInOutput;
      if (rest <= uncut && size === 0) break;
      if (size + added > PIECE_BYTES) {
        pieces.set(`${basename(path, '.js')}-${modules.length}`, [...modules]);
        rest -= size;
        size = 0;
        if (rest <= uncut) break;
      }
      size += added;
      modules.push(module);
    }
  }
  return pieces;
}

/** The modules of a chunk as they run; esbuild names one again when imports come between its parts. */
function orderOf(text) {
  const found = [...text.matchAll(/^\/\/ (src\/.+)$/gm)].map(([, module]) => module);
  return found.filter((module, index) => found.lastIndexOf(module) === index);
}

function below(outputs, path, found = new Set()) {
  for (const { path: next, external } of outputs[path].imports) {
    if (external || found.has(next)) continue;
    found.add(next);
    below(outputs, next, found);
  }
  return found;
}

/** The room that most of a chunk is from. */
function roomOf(inputs) {
  const bytes = {};
  for (const [input, { bytesInOutput }] of Object.entries(inputs)) {
    const room = input.split('/')[1];
    bytes[room] = (bytes[room] ?? 0) + bytesInOutput;
  }
  return Object.entries(bytes).reduce((most, next) => (next[1] > most[1] ? next : most))[0];
}

/** Names that say what is inside, by esbuild's names; those of one room are numbered from below. */
function chunkNames({ outputs }) {
  const names = new Map();
  const count = {};
  const chunks = Object.entries(outputs).filter(([, { entryPoint }]) => entryPoint === undefined);
  const depth = ([path]) => below(outputs, path).size;
  for (const [path, { inputs }] of chunks.sort((a, b) => depth(a) - depth(b))) {
    const room = roomOf(inputs);
    count[room] = (count[room] ?? 0) + 1;
    names.set(basename(path, '.js'), count[room] === 1 ? room : `${room}-${count[room]}`);
  }
  return names;
}

function renamed(text, names) {
  return text.replace(/(chunks\/|\.\/)([A-Z0-9]{8})\.js\b/g, (whole, folder, hash) =>
    names.has(hash) ? `${folder}${names.get(hash)}.js` : whole,
  );
}

/** A class that speaks of itself is called `_Name` by esbuild, one of two with one name `Name2`: in traces and `constructor.name`. */
function withClassNames(path, text) {
  let kept = text;
  for (const [, name] of text.matchAll(/^var (\w+) = class _\1\b/gm)) {
    kept = kept.replace(new RegExp(`\\b_${name}\\b`, 'g'), name);
  }
  const wrong = /\b(?:var (\w+\d) = class\b|class (_\w+|\w+\d)\b)/.exec(kept);
  if (wrong === null) return kept;
  throw new Error(`Cannot build ${path}: a class would be called "${wrong[1] ?? wrong[2]}", give it a name of its own`);
}
