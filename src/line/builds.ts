// Which builds of the AshRedis server there are, what each can read, and how to tell them apart. Data, no I/O.
// Called by net, which sends the probes one at a time after the first PING (two in one packet cost 41 ms there).

/** `head`: since 1 December 2025; `b64`: 20 November; `quoted`: 12 November; `oct`: October. */
export type LineBuild = 'head' | 'b64' | 'quoted' | 'oct';
export type LineQuoting = 'quoted' | 'b64' | 'none';

/** Complete lines without side effects. */
export const QUOTES_PROBE = '""\n';
export const B64_PROBE = 'B64SET\n';

/** From the error text that answers {@link QUOTES_PROBE}, with or without `ERR `: how values must be written. */
export function quotingFromProbe(message: string): LineQuoting {
  return message.includes('empty command') ? 'quoted' : 'none';
}

/** From the error text that answers {@link B64_PROBE}: whether B64SET may be used. */
export function hasB64FromProbe(message: string): boolean {
  return message.includes('wrong number of arguments');
}

/** Longest line of builds before `head`, terminator included. */
export const OLD_MAX_LINE_BYTES = 1024;

/** Longest line. `head` cannot be told from `b64` by a harmless probe: its limit is assumed. */
export function maxLineBytesOf(build: LineBuild): number {
  return build === 'head' ? 1_000_000 : OLD_MAX_LINE_BYTES;
}

/** The fourteen commands, with their replies as recorded. There are no others. */
export const LINE_COMMANDS: ReadonlySet<string> = /* @__PURE__ */ new Set(
  /* @__PURE__ */ 'PING SET B64SET GET DEL EXISTS EXPIRE TTL PERSIST KEYS INCR DECR APPEND INFO'.split(' '),
);
