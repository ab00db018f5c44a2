// The types of RESP: their bytes, their names, and their places in the decoder's order. Called by the decoder.
// Numbers only, and no imports: bundlers write such constants where they are used.

export const CR = 13;
export const LF = 10;
/** First those whose line is all there is, then numbers, payloads, aggregates. */
export const TYPES = '+-_#,(.:$!=;*>%~|';
export const TYPE_NAMES =
  'simple string,error,null,boolean,double,big number,end,integer,bulk string,bulk error,verbatim string,chunk,array,push,map,set,attribute';
// Places in both.
export const SIMPLE = 0;
export const ERROR = 1;
export const INTEGER = 7;
export const BULK = 8;
export const BULK_ERROR = 9;
export const VERBATIM = 10;
export const CHUNK = 11;
export const ARRAY = 12;
export const PUSH = 13;
export const MAP = 14;
export const SET = 15;
export const ATTRIBUTE = 16;
