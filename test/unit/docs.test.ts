// Typechecks and runs every TypeScript and JavaScript block of README.md, CHANGELOG.md and docs/*.md, and checks their links.
// Run by `npm test`. A block marked `no-run` is only typechecked; a block that needs more than it shows is a bug of the document.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createServer } from '../../src/server/index.ts';
import { type CodeBlock, codeBlocks, filesBelow, root, type SourceFile } from '../support/sources.ts';

const documents: SourceFile[] = [
  ...['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md']
    .filter((path) => existsSync(join(root, path)))
    .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') })),
  ...filesBelow('docs', '.md').filter(({ path }) => !path.startsWith('docs/api/')),
  ...filesBelow('examples', '.md'),
];
const blocks = documents
  .flatMap(codeBlocks)
  .filter(({ language }) => /^(ts|js|typescript|javascript|mjs)$/.test(language));
const runnable = blocks.filter(({ flags }) => !flags.includes('no-run'));

const RUN_LIMIT_MS = 120_000;
const GROUP_LIMIT_MS = 300_000;

describe('documents', () => {
  let server: Awaited<ReturnType<typeof createServer>>;
  let folder: string;
  const files = new Map<CodeBlock, string>();

  before(async () => {
    server = await createServer({ port: 0 });
    // Inside the repository, so that the blocks find `ashredis` by the package's own name and @types/node.
    await mkdir(join(root, '.tmp'), { recursive: true });
    folder = await mkdtemp(join(root, '.tmp', 'docs-'));
    await mkdir(join(folder, 'node_modules'));
    await symlink(await builtLikePackage(folder), join(folder, 'node_modules', 'ashredis'), 'dir');
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }\n');
    await writeFile(join(folder, 'tsconfig.json'), tsconfig());
    for (const block of blocks) {
      const name = `${block.file.replace(/[^A-Za-z0-9]+/g, '-')}-${block.line}`;
      const extension = block.flags.includes('cjs') ? 'cjs' : /^t/.test(block.language) ? 'ts' : 'mjs';
      files.set(block, `${name}.${extension}`);
      // `export {}` makes a module of a block without imports, so that blocks don't share names.
      const tail = extension === 'cjs' ? '' : '\nexport {};\n';
      await writeFile(join(folder, `${name}.${extension}`), block.code + tail);
    }
  });

  after(async () => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  });

  test('there are code blocks, and each is TypeScript or JavaScript that is run or says why not', () => {
    assert.ok(runnable.length > 0, 'no runnable block was found');
  });

  test('every block typechecks against the package', async () => {
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    const { code, output } = await finished(spawn(process.execPath, [tsc, '-p', folder], { cwd: folder }), 60_000);
    const named = [...files].reduce(
      (text, [block, name]) => text.replaceAll(name, `${block.file}:${block.line} `),
      output,
    );
    assert.equal(code, 0, named);
  });

  test('every block runs to its end against the embedded server', async () => {
    const env = {
      ...process.env,
      ASHREDIS_HOST: server.host,
      ASHREDIS_PORT: String(server.port),
      ASHREDIS_URL: server.url,
      REDIS_URL: server.url,
    };
    const runFile = (file: string, limitMs: number) => {
      const args = ['--unhandled-rejections=strict', '--import', 'tsx', file];
      return finished(spawn(process.execPath, args, { cwd: root, env }), limitMs);
    };
    // Starting a process costs more than most blocks do: many in one first, one by one only where that fails.
    const groups = [0, 1].map((part) => runnable.filter((_, index) => index % 2 === part));
    const failures: string[] = [];
    const runGroup = async (group: CodeBlock[], index: number) => {
      const file = join(folder, `group-${index}.mjs`);
      const imports = group.map((block) => `await import('./${files.get(block)}');`);
      await writeFile(file, `${imports.join('\n')}\n`);
      if ((await runFile(file, GROUP_LIMIT_MS)).code === 0) return;
      for (const block of group) {
        const { code, output } = await runFile(join(folder, files.get(block)!), RUN_LIMIT_MS);
        if (code !== 0) failures.push(`${block.file}:${block.line} ended with ${code}\n${output.slice(-2000)}`);
      }
    };
    await Promise.all(groups.map(runGroup));
    assert.equal(failures.length, 0, `\n${failures.join('\n')}`);
  });

  test('every link between documents leads somewhere, also its anchor', () => {
    const broken: string[] = [];
    for (const { path, text } of documents) {
      for (const [, target] of text.replace(/```[\s\S]*?```/g, '').matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^[a-z]+:/.test(target!)) continue;
        const [file, anchor] = target!.split('#') as [string, string | undefined];
        const goal = file === '' ? path : join(dirname(path), file);
        if (!existsSync(join(root, goal))) broken.push(`${path}: ${target}`);
        else if (anchor !== undefined && goal.endsWith('.md')) {
          if (!anchorsOf(readFileSync(join(root, goal), 'utf8')).has(anchor)) broken.push(`${path}: ${target}`);
        }
      }
    }
    assert.deepEqual(broken, []);
  });
});

/** A package folder whose `exports` lead to the sources, so that documents are checked without a build. */
async function builtLikePackage(folder: string): Promise<string> {
  const { default: manifest } = await import('../../package.json', { with: { type: 'json' } });
  const place = join(folder, 'package');
  await mkdir(place);
  await symlink(join(root, 'src'), join(place, 'src'), 'dir');
  const exports: Record<string, string> = {};
  for (const door of Object.keys(manifest.exports)) {
    if (door === './package.json') continue;
    exports[door] = door === '.' ? './src/index.ts' : `./src${door.slice(1)}/index.ts`;
  }
  await writeFile(join(place, 'package.json'), JSON.stringify({ name: 'ashredis', type: 'module', exports }));
  return place;
}

function tsconfig(): string {
  const base = JSON.parse(readFileSync(join(root, 'tsconfig.json'), 'utf8')) as { compilerOptions: object };
  const options = {
    ...base.compilerOptions,
    allowJs: true,
    checkJs: true,
    noUnusedLocals: false,
    noUnusedParameters: false,
    types: ['node'],
    typeRoots: [join(root, 'node_modules/@types')],
  };
  return JSON.stringify({ compilerOptions: options, include: ['*.ts', '*.mjs', '*.cjs'] });
}

/** The anchors that a Markdown viewer gives the headings, and those written out. */
function anchorsOf(text: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading] of text.replace(/```[\s\S]*?```/g, '').matchAll(/^#{1,6}\s+(.+)$/gm)) {
    const plain = heading!
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .trim()
      .toLowerCase();
    anchors.add(plain.replace(/[^\p{L}\p{N}\s_-]/gu, '').replace(/\s/g, '-'));
  }
  for (const [, name] of text.matchAll(/<a (?:id|name)="([^"]+)"/g)) anchors.add(name!);
  return anchors;
}

/** The exit code and everything printed; a process that passes its limit is killed and counts as failed. */
function finished(child: ChildProcess, limitMs: number): Promise<{ code: number | string; output: string }> {
  return new Promise((resolve) => {
    let output = '';
    child.stdout?.on('data', (chunk) => (output += chunk));
    child.stderr?.on('data', (chunk) => (output += chunk));
    const timer = setTimeout(() => child.kill('SIGKILL'), limitMs);
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ code: code ?? `${signal} after ${limitMs} ms`, output });
    });
  });
}
