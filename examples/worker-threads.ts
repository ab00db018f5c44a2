// Worker threads: each has connections of its own; heavy work in one does not hold up delivery in the other.
// Run: node --import tsx examples/worker-threads.ts [--host localhost] [--port 6379]

import { once } from 'node:events';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { AshRedisChannelDataPublisher, AshRedisChannelDataSubscriber } from '../src/index.ts';
import { serverAddress } from './support/address.ts';

if (isMainThread) {
  const config = serverAddress();
  // Compiled code says `new Worker(new URL(import.meta.url), { workerData })`; tsx has to be told again in a worker.
  const start = `import('tsx/esm/api').then(({ register }) => { register(); return import('${import.meta.url}'); })`;
  const worker = new Worker(start, { eval: true, workerData: config });
  await once(worker, 'message'); // it listens
  const publisher = new AshRedisChannelDataPublisher('main', 'ashredischannel://jobs', config);
  for (const n of [30, 31, 32]) await publisher.publish({ n });
  const [results] = await once(worker, 'message');
  console.log(`The worker computed ${JSON.stringify(results)}`);
  await publisher.stop();
} else {
  const source = 'ashredischannel://jobs';
  const subscriber = new AshRedisChannelDataSubscriber<{ n: number }>('worker', source, workerData);
  await subscriber.start();
  parentPort?.postMessage('ready');
  const fibonacci = (n: number): number => (n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2));
  const results: number[] = [];
  for await (const { data } of subscriber) {
    if (results.push(fibonacci(data.n)) === 3) break;
  }
  await subscriber.stop();
  parentPort?.postMessage(results);
}
