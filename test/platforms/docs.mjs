// The API reference, made from the docstrings by TypeDoc into docs/api/ (not committed). Called by `npm run docs`.
// A warning fails it: a docstring that TypeDoc can't follow is a docstring that people can't follow.

import { join } from 'node:path';
import { bin, here, installed, root, run } from './places.mjs';

if (!(await installed())) process.exit(1);
const { code, output } = await run(bin('typedoc'), ['--options', join(here, 'typedoc.json')], { cwd: here });
process.stdout.write(output);
if (code === 0) process.stdout.write(`Wrote ${join(root, 'docs/api/index.html')}\n`);
process.exit(code === 0 ? 0 : 1);
