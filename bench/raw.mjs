// A connection without a client: what the suite controls servers with, and what the raw bounds are measured on.
// Used by the workloads and the runner. It must stay as thin as a socket can be.

import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import Parser from 'redis-parser';

export function encode(args) {
  let text = `*${args.length}\r\n`;
  for (const arg of args) text += `$${Buffer.byteLength(String(arg))}\r\n${arg}\r\n`;
  return text;
}

/** `{ call(...args), onPush, socket, close() }`: one reply a call, in order; what nobody asked for goes to `onPush`. */
export async function openControl(target) {
  const socket = await openSocket(target);
  const waiting = [];
  const control = {
    socket,
    onPush: undefined,
    call(...args) {
      return new Promise((resolve, reject) => {
        waiting.push({ resolve, reject });
        socket.write(encode(args));
      });
    },
    close: () => socket.destroy(),
  };
  const parser = new Parser({
    returnReply(reply) {
      const waiter = waiting.shift();
      if (waiter !== undefined) waiter.resolve(reply);
      else control.onPush?.(reply);
    },
    returnError: (error) => waiting.shift()?.reject(error),
    returnFatalError: (error) => socket.destroy(error),
  });
  const fail = (error) => {
    for (const waiter of waiting.splice(0)) waiter.reject(error ?? new Error('the control connection was closed'));
  };
  socket.on('data', (chunk) => parser.execute(chunk));
  socket.on('error', fail);
  socket.on('close', () => fail());
  return control;
}

/** A connected socket; `onRead(length, buffer)` reads into one buffer that is used again. */
export function openSocket(target, onRead) {
  return new Promise((resolve, reject) => {
    const { host, port, tls } = target;
    const onread =
      onRead === undefined
        ? {}
        : { onread: { buffer: new Uint8Array(64 * 1024), callback: (n, b) => onRead(n, b) !== false } };
    const socket =
      tls === undefined
        ? connect({ host, port, noDelay: true, ...onread })
        : connectTls({ host, port, ca: tls.ca, servername: 'localhost' });
    if (tls !== undefined && onRead !== undefined) socket.on('data', (chunk) => onRead(chunk.length, chunk));
    socket.once(tls === undefined ? 'connect' : 'secureConnect', () => resolve(socket));
    socket.once('error', reject);
  });
}

/** How often the server has executed a command, and how often it refused; undefined where it does not count. */
export async function commandCalls(control, name) {
  const info = await control.call('INFO', 'commandstats');
  if (!info.includes('cmdstat_')) return undefined;
  const line = new RegExp(`cmdstat_${name}:calls=(\\d+),.*rejected_calls=(\\d+),failed_calls=(\\d+)`).exec(info);
  return line === null
    ? { calls: 0, refused: 0 }
    : { calls: Number(line[1]), refused: Number(line[2]) + Number(line[3]) };
}
