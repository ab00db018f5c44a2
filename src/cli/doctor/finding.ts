// What the doctor says of one thing that it looked at. Types and small makers; used by every check.

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

export function messageOf(error: unknown): string {
  return error instanceof Error ? inFlags(withoutLink(error.message)) : String(error);
}
