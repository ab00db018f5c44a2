// Fails when a document that is generated from the sources differs from what its generator would write now.
// Called by `npm run check:generated`. It must change nothing.

import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { drawStateMachine } from './draw-state-machine.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const generated = [
  { path: 'docs/state-machine.md', text: drawStateMachine, how: 'node --import tsx scripts/draw-state-machine.ts' },
];

let differing = 0;
for (const { path, text, how } of generated) {
  if (readFileSync(join(root, path), 'utf8') === text()) {
    process.stdout.write(`ok    ${path}\n`);
    continue;
  }
  differing++;
  process.stdout.write(`WRONG ${path} is not what the sources say; write it anew: ${how}\n`);
}
process.exitCode = differing === 0 ? 0 : 1;
