// Makes a process read the TypeScript that scripts/test.ts has compiled (measured: 0.6 instead of 1.1 s of CPU for a command
// of the package, which tsx reads file by file). Given to `--import` by scripts/test.ts alone, with the folder in
// ASHREDIS_COMPILED. It must change nothing but who strips the types: paths and lines stay those of the sources.

import * as module from 'node:module';
import * as hooks from './compiled-hooks.mjs';

process.setSourceMapsEnabled(true);
const folder = process.env.ASHREDIS_COMPILED;
// In this thread where Node can; the other way prints a warning there.
if (module.registerHooks !== undefined) {
  hooks.initialize(folder);
  module.registerHooks({ resolve: hooks.resolve, load: hooks.load });
} else module.register('./compiled-hooks.mjs', import.meta.url, { data: folder });
