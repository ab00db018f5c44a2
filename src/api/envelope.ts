// The envelope of numbered messages: `{ "epoch", "offset", "data" }`, JSON that others can read.
// Written by the channel publisher, opened by subscriptions. Pure.

/** Around JSON text the data stands as it is; around another codec's text as a JSON string. */
export function wrapEnvelope(epoch: string, offset: number, text: string, isJson: boolean): string {
  return `{"epoch":${JSON.stringify(epoch)},"offset":${offset},"data":${isJson ? text : JSON.stringify(text)}}`;
}

export interface Envelope {
  readonly epoch: string;
  readonly offset: number;
  /** Text of the inner data, for the codec. */
  readonly raw: string;
  /** The inner data already decoded; meaningful for JSON alone. */
  readonly data: unknown;
}

/** The envelope, or undefined when the text has none. */
export function openEnvelope(text: string, isJson: boolean): Envelope | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return undefined;
  }
  // Of what is no object, nothing is there.
  const { epoch, offset, data } = (parsed ?? {}) as { epoch?: unknown; offset?: unknown; data?: unknown };
  const isWhole = typeof epoch === 'string' && epoch !== '' && data !== undefined;
  if (!isWhole || !Number.isSafeInteger(offset) || (offset as number) < 1) return undefined;
  if (!isJson) return typeof data === 'string' ? { epoch, offset: offset as number, raw: data, data } : undefined;
  // The publisher's own form is cut, so that `raw` is the inner text exactly; another writer's, which may go on, is made anew.
  const opening = `{"epoch":${JSON.stringify(epoch)},"offset":${offset},"data":`;
  const isOurs = text.startsWith(opening) && text.endsWith('}') && Object.keys(parsed as object).length === 3;
  const raw = isOurs ? text.slice(opening.length, -1) : JSON.stringify(data);
  return { epoch, offset: offset as number, raw, data };
}

/** A publisher's life: no two publishers have the same, whenever and wherever they are made. */
export function epochOf(platform: { wallClock(): number; random(): number }): string {
  return `${platform.wallClock().toString(36)}-${Math.floor(platform.random() * 2 ** 52).toString(36)}`;
}
