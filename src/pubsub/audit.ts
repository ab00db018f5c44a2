// Finds a deaf subscription: compares how many channels the server holds with how many it should hold.
// Called by the subscriber connection at intervals. It owns no timer; it sends one or two cheap commands.
//
// RESP3: the fields sub, psub, ssub of CLIENT INFO. RESP2, or where that is forbidden: UNSUBSCRIBE of a name that
// nobody uses, whose confirmation carries the count and changes nothing. (A repeated SUBSCRIBE would count itself:
// with one channel a deaf link would look healthy.) On a difference everything is subscribed again, which repairs;
// the counts in those confirmations tell which channels had been missing.

import { type AshRedisError, LinkLostError } from '../errors/index.ts';
import type { ConnectionPort } from '../net/index.ts';
import type { RespValue } from '../resp/index.ts';
import { byKind, KINDS, namesByKind } from './by-kind.ts';
import { inStepCommand } from './in-step-command.ts';
import { countOf, wordOf } from './subscribe-command.ts';
import type { SubscriptionTable } from './subscription-table.ts';
import type { ChannelKind } from './types.ts';

const NOBODY = 'ashredis:audit';

export interface AuditOwner {
  readonly port: ConnectionPort;
  readonly table: SubscriptionTable;
  /** Monotonic ms, for what is asked now. */
  deadline(): number;
  /** Calls `askAll`, and tells the losses once all that it asked is answered. */
  repair(askAll: () => void): void;
}

/** What one counter of a server counts; the first stands for it. */
const PLAIN = ['channel', 'pattern'] as const;
const SHARD = ['shard'] as const;

export interface Audit {
  /** Differences found so far. */
  differenceCount: number;
  /** A new link: what was asked on the old one is void. */
  reset(): void;
  run(): void;
  /** Of a confirmation: whether it belongs to a repair, and shows that the channel was missing. */
  wasMissing(kind: ChannelKind, channel: string, count: number): boolean;
  /** Its confirmation will not come. */
  forget(kind: ChannelKind, channel: string): void;
}

export function auditOf(owner: AuditOwner): Audit {
  const { table } = owner;
  let infoForbidden = false;
  let countForbidden = false;
  /** While repairing: the channels whose confirmation is awaited, and the server's count so far. */
  const repairing = namesByKind();
  const counts = byKind(() => 0);

  const compare = (kinds: typeof PLAIN | typeof SHARD, found: number) => {
    let missing = -found;
    for (const kind of kinds) {
      const { held, settled } = table.heldCount(kind);
      // Answers come in order: what was asked for after the question is not answered yet, and the counts are of different
      // moments. What is repaired already shows in the answers of older questions too. The next audit tells.
      if (!settled || repairing[kind].size > 0) return;
      missing += held;
    }
    // Not so where the server told no number.
    if (!(missing > 0)) return;
    audit.differenceCount++;
    counts[kinds[0]] = found;
    owner.repair(() => {
      for (const kind of kinds) {
        for (const channel of table.held(kind)) {
          repairing[kind].add(channel);
          table.askAgain(kind, channel);
        }
      }
    });
  };

  const send = (args: readonly string[], confirms: string | undefined, onReply: (value: RespValue) => void) => {
    const onFailure = (error: unknown) => {
      // LOADING, BUSY, OOM pass; what is unknown or not allowed stays so.
      if (!/^(ERR|NOPERM)$/.test((error as AshRedisError).code)) return;
      if (confirms === undefined) infoForbidden = true;
      else countForbidden = true;
    };
    const confirmation = confirms === undefined ? undefined : { kind: confirms, channel: NOBODY };
    owner.port.send(inStepCommand(args, { deadline: owner.deadline(), onReply, onFailure, confirms: confirmation }));
  };

  const audit: Audit = {
    differenceCount: 0,
    reset() {
      for (const kind of KINDS) repairing[kind].clear();
      // A new link may have new rights.
      infoForbidden = countForbidden = false;
    },
    run() {
      if (table.isEmpty) return;
      if (owner.port.server?.protocol === 3 && !infoForbidden) {
        return send(['CLIENT', 'INFO'], undefined, (value) => {
          // `id=7 addr=… sub=1 psub=0 ssub=0 …`; what an older server leaves out is not a number, and not compared.
          const fields = new Map(
            String(value)
              .split(/\s/)
              .map((field) => field.split('=') as [string, string]),
          );
          const count = (name: string) => Number(fields.get(name));
          compare(PLAIN, count('sub') + count('psub'));
          compare(SHARD, count('ssub'));
        });
      }
      if (countForbidden) return;
      for (const kinds of [PLAIN, SHARD] as const) {
        const [kind] = kinds;
        if (kind === 'shard' && table.heldCount(kind).held === 0) continue;
        const word = wordOf('unsubscribe', kind);
        send([word.toUpperCase(), NOBODY], word, (value) => compare(kinds, countOf(value)));
      }
    },
    wasMissing(kind, channel, count) {
      if (!repairing[kind].delete(channel)) return false;
      const counter = kind === 'pattern' ? 'channel' : kind;
      const before = counts[counter];
      counts[counter] = count;
      return count > before;
    },
    forget(kind, channel) {
      repairing[kind].delete(channel);
    },
  };
  return audit;
}

/** What a gap that the audit found says as its cause. */
export function deafError(): LinkLostError {
  return new LinkLostError('Lost subscriptions: the server held fewer channels than were confirmed', {
    hint: 'a proxy made a new connection to it, or an operator removed them',
  });
}
