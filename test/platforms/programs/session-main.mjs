// The session as a program of its own. Bundled or run as it is.

import { session } from './session.mjs';

await session(process.argv[2]);
console.log('session ok');
