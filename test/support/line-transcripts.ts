// The recorded exchanges with real AshRedis servers, read for the tests. Wire document, section 13.
// Used by the tests of the line dialect and of the embedded server. It only reads.

import { readFileSync } from 'node:fs';
import type { ModelBuild } from './line-model.ts';

export interface RecordedExchange {
  readonly name: string;
  readonly group: string;
  readonly server: ModelBuild;
  /** Packets, 20 ms apart. */
  readonly packets: readonly Uint8Array[];
  readonly received: Uint8Array;
  /** Sent first, on another connection. */
  readonly setup: Uint8Array | undefined;
  readonly closedByServer: boolean;
  /** Clock or TTL in the reply: only its shape can be compared. */
  readonly isVolatile: boolean;
}

interface RawExchange {
  name: string;
  group: string;
  server: ModelBuild;
  send_hex: string;
  recv_hex: string;
  setup_hex?: string;
  chunks_hex?: string[];
  send_build?: { prefix_hex: string; fill_hex: string; fill_count: number; suffix_hex: string };
  closed_by_server?: string;
  volatile?: boolean;
}

/** All of them, in file order: some build on earlier ones of the same server. */
export function recordedExchanges(): RecordedExchange[] {
  const file = new URL('./ashredis-transcripts.json', import.meta.url);
  const raw = JSON.parse(readFileSync(file, 'utf8')) as RawExchange[];
  return raw.map((exchange) => ({
    name: exchange.name,
    group: exchange.group,
    server: exchange.server,
    packets: exchange.chunks_hex?.map(fromHex) ?? [sentBytes(exchange)],
    received: fromHex(exchange.recv_hex),
    setup: exchange.setup_hex === undefined ? undefined : fromHex(exchange.setup_hex),
    closedByServer: exchange.closed_by_server !== undefined,
    isVolatile: exchange.volatile === true,
  }));
}

function sentBytes({ send_build: build, send_hex }: RawExchange): Uint8Array {
  if (build === undefined) return fromHex(send_hex);
  const fill = Buffer.alloc(fromHex(build.fill_hex).length * build.fill_count, fromHex(build.fill_hex));
  return Buffer.concat([fromHex(build.prefix_hex), fill, fromHex(build.suffix_hex)]);
}

function fromHex(text: string): Uint8Array {
  return Buffer.from(text, 'hex');
}
