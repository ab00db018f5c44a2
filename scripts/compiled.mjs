// Makes a process read the TypeScript that scripts/test.ts has compiled (measured: 0.6 instead of 1.1 s of CPU for a command
// of the package, which tsx reads file by file). Given to `--import` by scripts/test.ts alone, with the folder in
// ASHREDIS_COMPILED. It must change nothing but who strips the types: paths and lines stay those of the sources.

import { register } from 'node:module';

process.setSourceMapsEnabled(true);
register('./compiled-hooks.mjs', import.meta.url, { data: process.env.ASHREDIS_COMPILED });
