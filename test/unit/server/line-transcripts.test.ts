// The recorded exchanges with the real AshRedis server, replayed against the embedded one, byte for byte.
// Each place where the two differ on purpose is named here with what the embedded server answers; docs/server.md says why.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createServer, type EmbeddedServer, type ServerDialect } from '../../../src/server/index.ts';
import { type RecordedExchange, recordedExchanges } from '../../support/line-transcripts.ts';
import { RawConnection } from '../../support/raw-connection.ts';

/** By name of the exchange: what is answered instead. Latin1 text of the bytes. */
const DIFFERENCES: Record<string, string> = {
  // JSON is stored whole.
  'json-unquoted-is-destroyed': '+OK\n$20\r\n{"a": 1, "b": "x y"}\n',
  'json-unquoted-compact-is-destroyed': '+OK\n$16\r\n{"a":1,"b":"xy"}\n',
  // Counting and appending keep the time to live.
  'incr-clears-ttl': '+OK\n:2\n:99\n',
  'append-clears-ttl': '+OK\n:2\n:99\n',
  // A key that is gone has no time to live.
  'set-ex-overflow-ttl-lies': '+OK\n$-1\n:-2\n',
  // What is over is over: not listed, not brought back.
  'expire-zero': '+OK\n:1\n$-1\n:-2\n:0\n*0\r\n\n',
  'expire-revives-expired': '+OK\n$-1\n:0\n$-1\n',
  'persist-revives-expired': '+OK\n$-1\n:0\n$-1\n:-2\n',
  // Errors are one line.
  'expire-number-with-newline': '-ERR For input string: "1 2"\n',
  'unknown-with-newline': "-ERR unknown command 'A B'\n",
  'keys-bad-class': '-ERR Unclosed character class near index 0\n',
  'keys-bad-group': '-ERR Unclosed group near index 1\n',
  'keys-bad-repetition': '-ERR Illegal repetition near index 1\n',
  'keys-dangling-plus': "-ERR Dangling meta character '+' near index 0\n",
  'keys-trailing-backslash': '-ERR Unexpected internal error near index 1\n',
  // A web page must not make a browser send commands.
  http: '',
  // Nothing behind a line that is too long is executed.
  'line-too-long-then-command-check': '$-1\n',
};

/** Array order is Java's hash order there and the order of insertion here. */
function sortedArrays(bytes: string): string {
  return bytes.replace(/\*\d+\r\n(?:\$\d+\r\n[\s\S]*?\r\n)*\n/g, (array) => [...array].sort().join(''));
}

/** Numbers and the list of regions depend on the clock and on what ran before. */
function shape(bytes: string): string {
  return bytes.replace(/regions:\[[\s\S]*?\]/g, 'regions:[]').replace(/\d+/g, '0');
}

async function replay(
  server: EmbeddedServer,
  exchange: RecordedExchange,
): Promise<{ received: string; closed: boolean }> {
  if (exchange.setup !== undefined) {
    const setup = await RawConnection.open(server);
    setup.write(exchange.setup);
    setup.socket.end();
    await setup.untilClosed();
  }
  const connection = await RawConnection.open(server);
  for (const packet of exchange.packets) {
    const answered = connection.received.length;
    connection.write(packet);
    // Time has to pass between the answers, not between the packets: those may arrive together.
    if (exchange.group === 'ttl') await connection.until((received) => received.length > answered);
    if (exchange.packets.length > 1) await new Promise((resolve) => setTimeout(resolve, 2));
  }
  // The server answers what came before our FIN, and then closes: no need to know how much will come.
  if (!exchange.closedByServer) connection.socket.end();
  const received = await connection.untilClosed();
  connection.close();
  return { received, closed: exchange.closedByServer };
}

function suite(dialect: ServerDialect, concerns: (exchange: RecordedExchange) => boolean): void {
  let server: EmbeddedServer;
  before(async () => {
    server = await createServer({ dialect });
  });
  after(() => server.stop());

  for (const exchange of recordedExchanges()) {
    if (exchange.server !== 'head' || !concerns(exchange)) continue;
    test(`${exchange.group}: ${exchange.name}`, async () => {
      const { received } = await replay(server, exchange);
      const recorded = Buffer.from(exchange.received).toString('latin1');
      const expected = DIFFERENCES[exchange.name] ?? recorded;
      if (exchange.isVolatile) assert.equal(shape(received), shape(expected));
      else if (/:99\n$/.test(expected)) assert.match(received, /^\+OK\n:2\n:(99|100)\n$/);
      else assert.equal(sortedArrays(received), sortedArrays(expected));
    });
  }
}

describe('a server fixed to the line dialect answers as recorded', () => suite('ashredis', () => true));

describe('a server that looks at the first line answers as recorded', () =>
  // A first line that ends in CR LF or begins with `*` is Redis's there, and one exchange looks at what such a line did.
  suite('auto', ({ name, packets }) => {
    if (name === 'resp-value-was-executed') return false;
    const bytes = Buffer.concat(packets.map((packet) => Buffer.from(packet)));
    const end = bytes.indexOf(10);
    return bytes[0] !== 42 && end > 0 && bytes[end - 1] !== 13;
  }));
