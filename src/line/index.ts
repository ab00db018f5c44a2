// The door of the line dialect's room: its codec, the server's tokeniser, its patterns and builds.
// For net: `new LineDecoder()`, push and read until NEED_LINE_DATA; a LineError is to be converted there
// (`new RespError(value.message)`), since this room does not know RESP. `encodeLine` gives a Frame.
// On a line server one command is in flight per connection, and HELLO, AUTH, SELECT, CLIENT, QUIT are never sent.

export {
  LINE_COMMANDS,
  type LineQuoting,
  MAX_LINE_BYTES,
  OLD_MAX_LINE_BYTES,
  QUOTES_PROBE,
  quotingFromProbe,
} from './builds.ts';
export {
  type EncodeLineOptions,
  encodeLine,
  type LineArgument,
  type LineFrame,
} from './encode-line.ts';
export { LineDecoder, type LineDecoderLimits } from './line-decoder.ts';
export { LineError, type LineValue, NEED_LINE_DATA } from './line-values.ts';
export { utf8Length } from './text.ts';
export { type TokenizedLine, tokenizeLine, trimLine } from './tokenize-line.ts';
export { translatePattern } from './translate-pattern.ts';
