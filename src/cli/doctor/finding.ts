// What the doctor says of one thing that it looked at. Types and small makers; used by every check.

import { ReplyError } from '../../errors/index.ts';
import { inFlags } from '../flag-words.ts';
import { withoutLink } from '../text.ts';

export type Level = 'ok' | 'warning' | 'wrong' | 'skipped';

export interface Finding {
  /** What was looked at: `resolve`, `connect`, `latency`, … */
  readonly check: string;
  readonly level: Level;
  /** What was found. */
  readonly text: string;
  /** What to do about it; absent when it is ok. */
  readonly advice?: string;
  /** Figures, for --json. */
  readonly figures?: object;
}

/** Where checks put what they found. */
export type Report = (finding: Finding) => void;

export function ok(check: string, text: string, figures?: object): Finding {
  return { check, level: 'ok', text, ...(figures === undefined ? {} : { figures }) };
}

export function warning(check: string, text: string, advice: string): Finding {
  return { check, level: 'warning', text, advice };
}

export function wrong(check: string, text: string, advice: string): Finding {
  return { check, level: 'wrong', text, advice };
}

export function skipped(check: string, text: string): Finding {
  return { check, level: 'skipped', text };
}

const ADVICE: Readonly<Record<string, string>> = {
  OOM: 'the server has no memory left: raise maxmemory, give keys a TTL, or set a maxmemory-policy that evicts',
  READONLY: 'this is a replica: give the address of the primary',
  MISCONF: 'the server can not write to its disk, and refuses: look at its log and its disk',
  NOPERM: 'give the user these commands and key patterns, for example: ACL SETUSER name +@all ~* &*',
};

/** What to do about the server's refusal of a command. */
export function adviceFor(error: unknown, otherwise: string): string {
  return (error instanceof ReplyError && ADVICE[error.code]) || otherwise;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? inFlags(withoutLink(error.message)) : String(error);
}
