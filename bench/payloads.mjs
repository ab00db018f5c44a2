// The payloads that all contenders send and receive, the same in every process, and their checksum.
// Used by workloads and by the flood server. They are made from a seed and never depend on time.

const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,';

export function random(seed) {
  let state = seed >>> 0 || 1;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** `count` different texts of `bytes` ASCII characters, flat strings. */
export function texts(bytes, count) {
  const next = random(bytes * 31 + count);
  const result = [];
  for (let i = 0; i < count; i++) {
    const buffer = Buffer.alloc(bytes);
    for (let at = 0; at < bytes; at++) buffer[at] = LETTERS.charCodeAt(Math.floor(next() * LETTERS.length));
    result.push(buffer.toString('latin1'));
  }
  return result;
}

/** `count` different records whose JSON has about `bytes` bytes: an id, then numbers and words in turn. */
export function records(bytes, count) {
  const next = random(bytes * 17 + count);
  const word = (length) => Array.from({ length }, () => LETTERS[Math.floor(next() * 52)]).join('');
  return Array.from({ length: count }, (_, i) => {
    const record = { id: i + 1, symbol: word(4), price: Math.round(next() * 1e6) / 100 };
    for (let n = 1; JSON.stringify(record).length < bytes - 12; n++) {
      if (n % 2 === 0) record[`value${n}`] = Math.round(next() * 1e4) / 10;
      else record[`text${n}`] = word(Math.max(1, Math.min(12, bytes - JSON.stringify(record).length - 11)));
    }
    return record;
  });
}

/** What a receiver adds up for each text: enough to notice a lost, doubled, cut or mixed-up message. */
export function textSum(text) {
  const { length } = text;
  return length + text.charCodeAt(0) + text.charCodeAt(length >> 1) * 3 + text.charCodeAt(length - 1) * 7;
}

/** The same for a decoded record. */
export function recordSum(record) {
  return record.id + record.symbol.charCodeAt(0) + record.price * 100;
}
