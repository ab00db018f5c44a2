// Single-file builds for projects that copy one file: bundles/ashredis.mjs and bundles/resp.mjs, attached to releases.
// `npm run bundle` makes them; check-package.mjs runs them. It must never touch src/ or dist/.

import { mkdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { restoreTopLevel } from '../../scripts/top-level.mjs';
import { installed, modules, root, run } from './places.mjs';

const FILES = { 'ashredis.mjs': 'src/index.ts', 'resp.mjs': 'src/resp/index.ts' };

/** Writes both files into the folder. */
export async function bundle(folder) {
  const require = createRequire(join(modules, 'x.js'));
  const esbuild = require('esbuild');
  const { version, license } = require(join(root, 'package.json'));
  await mkdir(folder, { recursive: true });
  for (const [name, entry] of Object.entries(FILES)) {
    const { outputFiles } = await esbuild.build({
      entryPoints: [join(root, entry)],
      write: false,
      bundle: true,
      platform: name === 'resp.mjs' ? 'neutral' : 'node',
      format: 'esm',
      target: 'es2022',
      legalComments: 'none',
      logLevel: 'error',
      banner: { js: `// ashredis ${version}, ${license} licence` },
    });
    await writeFile(join(folder, name), await restoreTopLevel(esbuild, outputFiles[0].text));
  }
}

export async function checkBundles(folder) {
  const place = join(folder, 'bundles');
  await bundle(place);
  await writeFile(
    join(place, 'try.mjs'),
    `import { createServer } from 'ashredis/server';
     import { AshRedisClient } from './ashredis.mjs';
     import { encodeCommand, RespDecoder } from './resp.mjs';
     const decoder = new RespDecoder();
     decoder.push(encodeCommand(['SET', 'a', '1']));
     if (JSON.stringify(decoder.read()) !== '["SET","a","1"]') throw new Error('resp.mjs does not decode');
     const server = await createServer({ port: 0 });
     const client = new AshRedisClient({ url: server.url });
     await client.set('a', '1');
     if ((await client.get('a')) !== '1') throw new Error('ashredis.mjs does not get');
     await client.close();
     await server.stop();`,
  );
  const { code, output } = await run(process.execPath, [join(place, 'try.mjs')], { cwd: folder, limitMs: 30_000 });
  return code === 0 ? [] : [output];
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  if (!(await installed())) process.exit(1);
  await bundle(join(root, 'bundles'));
  process.stdout.write(
    `Wrote ${Object.keys(FILES)
      .map((name) => `bundles/${name}`)
      .join(' and ')}\n`,
  );
}
