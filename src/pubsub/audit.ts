// Finds a deaf subscription: compares how many channels the server holds with how many it should hold.
// Called by the subscriber connection at intervals. It owns no timer; it sends one or two cheap commands.
//
// RESP3: the fields sub, psub, ssub of CLIENT INFO. RESP2, or where that is forbidden: UNSUBSCRIBE of a name that
// nobody uses, whose confirmation carries the count and changes nothing. (A repeated SUBSCRIBE would count itself:
// with one channel a deaf link would look healthy.) On a difference everything is subscribed again, which repairs;
// the counts in those confirmations tell which channels had been missing.

import { LinkLostError, ReplyError } from '../errors/index.ts';
import type { ConnectionPort } from '../net/index.ts';
import type { RespValue } from '../resp/index.ts';
import { KINDS, namesByKind } from './by-kind.ts';
import { InStepCommand } from './in-step-command.ts';
import { wordOf } from './subscribe-command.ts';
import type { SubscriptionTable } from './subscription-table.ts';
import type { ChannelKind } from './types.ts';

const NOBODY = 'ashredis:audit';

export interface AuditOwner {
  readonly port: ConnectionPort;
  readonly table: SubscriptionTable;
  readonly timeoutMs: number;
  now(): number;
  /** Calls `askAll`, and tells the losses once all that it asked is answered. */
  repair(askAll: () => void): void;
}

/** The two counters of a server: channels and patterns share one, shard channels have their own. */
type Counter = 'plain' | 'shard';

export class Audit {
  readonly #owner: AuditOwner;
  #infoForbidden = false;
  #countForbidden = false;
  /** While repairing: the server's count so far, and the channels whose confirmation is awaited. */
  readonly #repairing = namesByKind();
  readonly #counts: Record<Counter, number> = { plain: 0, shard: 0 };
  /** Differences found so far. */
  differenceCount = 0;

  constructor(owner: AuditOwner) {
    this.#owner = owner;
  }

  /** A new link: what was asked on the old one is void. */
  reset(): void {
    for (const kind of KINDS) this.#repairing[kind].clear();
  }

  run(): void {
    const { port, table } = this.#owner;
    if (table.isEmpty || KINDS.some((kind) => this.#repairing[kind].size > 0)) return;
    const { version } = table;
    if (port.server?.protocol === 3 && !this.#infoForbidden) {
      return this.#send(['CLIENT', 'INFO'], undefined, (value) => {
        const text = String(value);
        const plain = countIn(text, 'sub') + countIn(text, 'psub');
        this.#compare('plain', plain, version);
        if (/ ssub=\d/.test(text)) this.#compare('shard', countIn(text, 'ssub'), version);
      });
    }
    if (this.#countForbidden) return;
    for (const kind of ['channel', 'shard'] as const) {
      if (kind === 'shard' && table.heldCount('shard').held === 0) continue;
      const word = wordOf('unsubscribe', kind);
      this.#send([word.toUpperCase(), NOBODY], word, (value) => {
        const count = Array.isArray(value) ? Number(value[2]) : Number.NaN;
        this.#compare(kind === 'shard' ? 'shard' : 'plain', count, version);
      });
    }
  }

  /** Of a confirmation that belongs to a repair: whether the channel was missing is found out here. */
  wasMissing(kind: ChannelKind, channel: string, count: number): boolean {
    this.#repairing[kind].delete(channel);
    const counter = kind === 'shard' ? 'shard' : 'plain';
    const missing = count > this.#counts[counter];
    this.#counts[counter] = count;
    return missing;
  }

  /** Its confirmation will not come. */
  forget(kind: ChannelKind, channel: string): void {
    this.#repairing[kind].delete(channel);
  }

  isRepairing(kind: ChannelKind, channel: string): boolean {
    return this.#repairing[kind].has(channel);
  }

  #compare(counter: Counter, found: number, version: number): void {
    const { table } = this.#owner;
    // Something was asked for meanwhile: the counts are of different moments. The next audit tells.
    if (table.version !== version || Number.isNaN(found)) return;
    const kinds: readonly ChannelKind[] = counter === 'shard' ? ['shard'] : ['channel', 'pattern'];
    let held = 0;
    for (const kind of kinds) {
      const counted = table.heldCount(kind);
      if (!counted.settled) return;
      held += counted.held;
    }
    if (found >= held) return;
    this.differenceCount++;
    this.#counts[counter] = found;
    this.#owner.repair(() => {
      for (const kind of kinds) {
        for (const channel of table.held(kind)) {
          this.#repairing[kind].add(channel);
          table.askAgain(kind, channel);
        }
      }
    });
  }

  #send(args: readonly string[], confirms: string | undefined, onReply: (value: RespValue) => void): void {
    const { port, timeoutMs, now } = this.#owner;
    const onFailure = (error: unknown) => {
      if (!(error instanceof ReplyError)) return;
      if (confirms === undefined) this.#infoForbidden = true;
      else this.#countForbidden = true;
    };
    const deadline = now() + timeoutMs;
    const confirmation = confirms === undefined ? {} : { confirms: { kind: confirms, channel: NOBODY } };
    port.send(new InStepCommand(args, { deadline, onReply, onFailure, ...confirmation }));
  }
}

/** What a gap that the audit found says as its cause. */
export function deafError(): LinkLostError {
  return new LinkLostError('Lost subscriptions: the server held fewer channels than were confirmed', {
    hint: 'something between us and the server made a new connection, or an operator removed them',
  });
}

function countIn(text: string, field: string): number {
  const match = new RegExp(`(?:^|\\s)${field}=(\\d+)`).exec(text);
  return match === null ? Number.NaN : Number(match[1]);
}
