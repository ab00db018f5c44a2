// Publishes a number of messages through one raw socket and ends when all were answered.
// Started by the slow handler's workload, in a process of its own so that its memory is not counted.

import { texts } from './payloads.mjs';
import { encode, openSocket } from './raw.mjs';

const { target, count } = JSON.parse(process.argv[2]);
const payloads = texts(64, 1000);
const block = Buffer.from(payloads.map((text) => encode(['PUBLISH', 'slow', text])).join(''), 'latin1');
let answered = 0;
let wake;
const socket = await openSocket(target, (length) => {
  answered += length;
  wake();
});
for (let sent = 0; sent < count; sent += payloads.length) {
  socket.write(block);
  // `:1\r\n` for each.
  while (answered < (sent + payloads.length) * 4) {
    await new Promise((resolve) => {
      wake = resolve;
    });
  }
}
socket.destroy();
