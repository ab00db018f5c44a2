// Whether two payloads say the same.
// Used where what came is compared with a snapshot, or with what another link brought. Pure.

export function isSamePayload(a: string | Uint8Array, b: string | Uint8Array | undefined): boolean {
  if (typeof a === 'string' || typeof b === 'string' || b === undefined) return a === b;
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
