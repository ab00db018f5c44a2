// The session inside workerd, started by miniflare under a Node that is new enough. Arguments: bundled worker, URL.
// Prints what the worker answered.

import { readFile } from 'node:fs/promises';
import { Miniflare } from 'miniflare';

const [file, url] = process.argv.slice(2);
const miniflare = new Miniflare({
  modules: [{ type: 'ESModule', path: 'worker.mjs', contents: await readFile(file, 'utf8') }],
  compatibilityDate: '2026-01-01',
  compatibilityFlags: ['nodejs_compat'],
  bindings: { url },
});
try {
  const response = await miniflare.dispatchFetch('http://localhost/');
  console.log(await response.text());
} finally {
  await miniflare.dispose();
}
