// `cp -r src vendor/ashredis`: unbuilt under a Node that strips types, and compiled by a consumer's own strict tsc, with
// each of the two options that allow `.ts` in imports. Called by check-package.mjs. docs/vendoring.md says the same.

import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { modules, root, run } from './places.mjs';

const PROGRAM = `
import { AshRedisChannelDataPublisher, AshRedisChannelDataSubscriber } from './vendor/ashredis/index.ts';
import { createServer } from './vendor/ashredis/server/index.ts';

const server = await createServer({ port: 0 });
const config = { url: server.url };
const subscriber = new AshRedisChannelDataSubscriber('in', 'ashredischannel://vendored', config);
const publisher = new AshRedisChannelDataPublisher('out', 'ashredischannel://vendored', config);
await subscriber.start();
await publisher.publish({ hello: 'vendor' });
const data = await subscriber.getData(5);
if (JSON.stringify(data) !== '{"hello":"vendor"}') throw new Error('nothing came');
await publisher.stop();
await subscriber.stop();
await server.stop();
`;

const STRICT = {
  target: 'ES2022',
  lib: ['ES2022', 'ESNext.Disposable'],
  module: 'NodeNext',
  moduleResolution: 'NodeNext',
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noPropertyAccessFromIndexSignature: true,
  noImplicitOverride: true,
  noImplicitReturns: true,
  noUnusedLocals: true,
  noUnusedParameters: true,
  isolatedModules: true,
  verbatimModuleSyntax: true,
  types: ['node'],
  typeRoots: [join(root, 'node_modules/@types')],
};

export async function checkVendoring(folder) {
  const problems = [];
  const place = join(folder, 'vendoring');
  await mkdir(join(place, 'vendor'), { recursive: true });
  await cp(join(root, 'src'), join(place, 'vendor/ashredis'), { recursive: true });
  await writeFile(join(place, 'package.json'), '{ "type": "module" }\n');
  await writeFile(join(place, 'program.ts'), PROGRAM);

  for (const name of ['node-22', 'node-24', 'node-newest']) {
    const { code, output } = await run(join(modules, name, 'bin/node'), ['program.ts'], {
      cwd: place,
      limitMs: 60_000,
    });
    process.stdout.write(`${code === 0 ? 'ok   ' : 'WRONG'} vendored, unbuilt under ${name}\n`);
    if (code !== 0) problems.push(`unbuilt under ${name}: ${output.slice(0, 2000)}`);
  }

  for (const compiler of ['typescript', 'typescript-latest']) {
    const tsc = join(modules, compiler, 'bin/tsc');
    for (const [option, extra] of [
      ['rewriteRelativeImportExtensions', { rewriteRelativeImportExtensions: true, outDir: 'out' }],
      ['allowImportingTsExtensions', { allowImportingTsExtensions: true, noEmit: true }],
    ]) {
      const compilerOptions = { ...STRICT, ...extra };
      await writeFile(
        join(place, 'tsconfig.json'),
        JSON.stringify({ compilerOptions, include: ['program.ts', 'vendor'] }),
      );
      await rm(join(place, 'out'), { recursive: true, force: true });
      let { code, output } = await run(process.execPath, [tsc, '-p', place]);
      if (code === 0 && compilerOptions.outDir !== undefined) {
        ({ code, output } = await run(process.execPath, ['out/program.js'], { cwd: place, limitMs: 30_000 }));
      }
      process.stdout.write(`${code === 0 ? 'ok   ' : 'WRONG'} vendored, ${compiler} with ${option}\n`);
      if (code !== 0) problems.push(`${compiler} with ${option}: ${output.slice(0, 2000)}`);
    }
  }
  return problems;
}
