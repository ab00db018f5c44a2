// What the RESP core is asked to do where there is no Node: values of all kinds, whole and byte by byte.
// Bundled into one script; it leaves its verdict in `globalThis.verdict`. It may use nothing but the language.

import { encodeCommand, encodeCommands, NEED_DATA, ProtocolError, RespDecoder } from 'ashredis/resp';

const VECTORS = [
  ['+OK\r\n', '"OK"'],
  [':-9007199254740993\r\n', '"-9007199254740993n"'],
  ['$8\r\nh\u00e9llo\u20ac\r\n', undefined],
  ['*3\r\n$1\r\na\r\n_\r\n#t\r\n', '["a",null,true]'],
  [',1.5\r\n', '1.5'],
  ['*1\r\n*-1\r\n', '[null]'],
];

function utf8(text) {
  const bytes = [];
  for (const byte of unescape(encodeURIComponent(text))) bytes.push(byte.charCodeAt(0));
  return Uint8Array.from(bytes);
}

function show(value) {
  return JSON.stringify(value, (_, entry) => (typeof entry === 'bigint' ? `${entry}n` : entry));
}

function run() {
  for (const [text, expected] of VECTORS) {
    let bytes = utf8(text);
    let wanted = expected;
    if (wanted === undefined) {
      bytes = utf8('$9\r\nh\u00e9llo\u20ac\r\n');
      wanted = show('h\u00e9llo\u20ac');
    }
    for (const size of [bytes.length, 1]) {
      const decoder = new RespDecoder();
      let value = NEED_DATA;
      for (let at = 0; at < bytes.length; at += size) {
        decoder.push(bytes.slice(at, at + size));
        value = decoder.read();
        if (value !== NEED_DATA && at + size < bytes.length) throw new Error(`too early: ${show(text)}`);
      }
      if (show(value) !== wanted) throw new Error(`${show(text)} gave ${show(value)}, expected ${wanted}`);
    }
  }
  const command = encodeCommand(['SET', 'k\u00e9y', 1, 2n, Uint8Array.of(255)]);
  let text = '';
  for (const byte of command) text += String.fromCharCode(byte);
  const wanted = '*5\r\n$3\r\nSET\r\n$4\r\nk\u00c3\u00a9y\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n\u00ff\r\n';
  if (text !== wanted) throw new Error(`encodeCommand gave ${show(text)}`);
  // Short, long, and longer than the platform is asked for; every length of a character, and halves of one.
  for (const length of [1, 20, 21, 127, 128, 3000]) {
    for (const unit of ['a', '\u00e9', '\u20ac', '\ud83d\ude00', '\ud800']) {
      const decoder = new RespDecoder();
      const sent = unit.repeat(length);
      decoder.push(encodeCommands([['SET', 'k', sent], ['PING']]));
      const read = JSON.stringify([decoder.read(), decoder.read()]);
      const wanted = unit === '\ud800' ? '\ufffd'.repeat(length) : sent;
      if (read !== JSON.stringify([['SET', 'k', wanted], ['PING']])) {
        throw new Error(`${length} x ${show(unit)} gave ${read}`);
      }
    }
  }
  const broken = new RespDecoder();
  broken.push(utf8(':abc\r\n'));
  try {
    broken.read();
  } catch (error) {
    if (error instanceof ProtocolError) return 'resp ok';
  }
  throw new Error(':abc was accepted');
}

try {
  globalThis.verdict = run();
} catch (error) {
  globalThis.verdict = String(error?.stack || error);
}
