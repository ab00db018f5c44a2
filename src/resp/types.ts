// The types of RESP: their bytes, their names, their places in the decoder's order, and what messages begin with.
// Used by the decoder and its errors. No imports: bundlers write such constants where they are used.

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

// What messages begin with behind their type, as words of four bytes in little-endian order.
export const THREE = 0x240a0d33; // 3\r\n$
export const FOUR = 0x240a0d34; // 4\r\n$
export const MESSAGE = 0x6d0a0d37; // 7\r\nm
export const SMESSAGE = 0x730a0d38; // 8\r\ns
export const PMESSAGE = 0x700a0d38; // 8\r\np
export const MESS = 0x7373656d; // mess
export const ESSA = 0x61737365; // essa
export const AGE = 0x0d656761; // age\r
export const GE = 0x0a0d6567; // ge\r\n
