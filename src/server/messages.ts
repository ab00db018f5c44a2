// Texts that both dialects know: what they send, and what they cut off. Pure.

export const OUT_OF_MEMORY = "OOM command not allowed when used memory > 'maxmemory'.";

/** First words of what a web page can make a browser send to a port of this machine. Redis calls it an attack, too. */
export function isHttpWord(name: string): boolean {
  return /^(post|host:)$/i.test(name);
}
