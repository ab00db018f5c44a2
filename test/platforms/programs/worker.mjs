// The session as a worker: bundled for workerd with nodejs_compat.

import { session } from './session.mjs';

// biome-ignore lint/style/noDefaultExport: what workerd looks for
export default {
  async fetch(_request, env) {
    try {
      await session(env.url);
      return new Response('session ok');
    } catch (error) {
      return new Response(String(error?.stack ?? error));
    }
  },
};
