// What the builds of the AshRedis server can read, and how to tell them apart. Data, no I/O.
// Called by net, which sends the probe after the first PING (two lines in one packet cost 41 ms there).

/** How values must be written. All builds since 12 November 2025 read `quoted`, and since the 20th `b64`. */
export type LineQuoting = 'quoted' | 'b64' | 'none';

/** A complete line without side effects. */
export const QUOTES_PROBE = '""\n';

/** From the error text that answers {@link QUOTES_PROBE}, with or without `ERR `: how values must be written. */
export function quotingFromProbe(message: string): LineQuoting {
  return message.includes('empty command') ? 'quoted' : 'none';
}

/** Longest line of the build of 1 December 2025, terminator included. No harmless probe tells it: it is assumed. */
export const MAX_LINE_BYTES = 1_000_000;
/** Longest line of those before. */
export const OLD_MAX_LINE_BYTES = 1024;

/** The fourteen commands, with their replies as recorded. There are no others. */
export const LINE_COMMANDS: ReadonlySet<string> = /* @__PURE__ */ new Set(
  /* @__PURE__ */ 'PING SET B64SET GET DEL EXISTS EXPIRE TTL PERSIST KEYS INCR DECR APPEND INFO'.split(' '),
);
