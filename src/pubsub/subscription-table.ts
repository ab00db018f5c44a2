// What is wanted, asked and confirmed, for each kind and channel, and who gets its messages. Pure: no I/O, no clock.
// Called by the subscriber connection, which sends what the table asks for and tells it what came back.
//
//   wanted  off --ask--> turning-on --confirmed--> on          link lost, unsubscribed by the server: off, and lost
//   not     on --ask--> turning-off --confirmed--> off         refused: off, denied until its time comes
//
// At most one command is in flight for a channel: what its answer finds decides about the next. Sinks may call back: what
// follows a call looks again.

import type { AshRedisError } from '../errors/index.ts';
import type { RespMessage } from '../resp/index.ts';
import { type ByKind, byKind, KINDS, type NewlyHeld, namesByKind } from './by-kind.ts';
import { ChannelMap } from './channel-map.ts';
import { alike, type Loss, Standing, type Wish } from './standing.ts';
import type { ChannelKind, Gap, SubscribeWish } from './types.ts';

export type Verb = 'subscribe' | 'unsubscribe';

export interface TableOwner {
  /**
   * Asks the server; its answer comes back as `confirmed`, `refused` or `unanswered`. `alone`: it was refused or not
   * answered before, and must not harm others.
   */
  ask(verb: Verb, kind: ChannelKind, channel: string, alone: boolean): void;
}

const FIRST_RETRY_MS = 1000;
const MAX_RETRY_MS = 60_000;
/** A server that takes the same channel away again at once is not asked at once again. */
const TAKEN_AGAIN_MS = 1000;

export class SubscriptionTable {
  readonly #owner: TableOwner;
  readonly #free = new Standing([]);
  readonly #byKind: ByKind<ChannelMap<Standing>>;
  /** Commands can be sent: restoring or ready. */
  #linked = false;
  /** Channels that wait for a retry. */
  readonly #retrying = namesByKind();
  /** No retry is due before this. */
  #nextRetryAt = Infinity;
  /** `seed` is any integer that others don't know. */
  constructor(owner: TableOwner, seed = 0) {
    this.#owner = owner;
    this.#byKind = byKind(() => new ChannelMap(seed));
  }

  get isEmpty(): boolean {
    return KINDS.every((kind) => this.#byKind[kind].size === 0);
  }

  /** Channels that the server holds by our account, and whether nothing is in flight about them. */
  heldCount(kind: ChannelKind): { held: number; settled: boolean } {
    let held = 0;
    let settled = true;
    for (const [standing, count] of this.#byKind[kind].counts()) {
      if (standing.held === 'on') held += count;
      else if (standing.isTurning) settled = false;
    }
    return { held, settled };
  }

  /** What the server holds by our account; all of it is wanted. */
  held(kind: ChannelKind): string[] {
    const channels: string[] = [];
    for (const [channel, standing] of this.#byKind[kind]) {
      if (standing.held === 'on') channels.push(channel);
    }
    return channels;
  }

  find(kind: ChannelKind, channel: string): Standing | undefined {
    return this.#byKind[kind].get(channel);
  }

  /** `wallNow` is epoch ms. A channel that is held already is active at once. */
  add({ kind, channels, sink }: SubscribeWish, wallNow: number): Wish {
    // A list that can't change needs no copy.
    const own = Object.isFrozen(channels) ? channels : [...channels];
    const wish: Wish = { kind, channels: own, sink, firstConfirmedAt: 0, lastMessageAt: 0, cancelled: false };
    const wanted = alike((before) => before.wantedBy([...before.wishes, wish]));
    this.#byKind[kind].reserve(own.length);
    for (const channel of own) {
      const before = this.#byKind[kind].get(channel) ?? this.#free;
      if (before.wishes.includes(wish)) continue;
      const standing = wanted(before);
      if (standing.held === 'on') {
        this.#byKind[kind].set(channel, standing);
        wish.firstConfirmedAt ||= wallNow;
        sink.onChannelState(channel, 'active', undefined);
        // Whoever asks now wants to know now, not when a retry is due.
      } else if (standing.trouble.retryAt !== Infinity) this.#tryAgain(kind, channel, standing);
      else this.#reconcile(kind, channel, standing);
    }
    return wish;
  }

  /** Nothing reaches the sink after this. */
  remove(wish: Wish): void {
    wish.cancelled = true;
    const left = alike((before) => before.wantedBy(before.wishes.filter((other) => other !== wish)));
    for (const channel of wish.channels) {
      const before = this.find(wish.kind, channel);
      if (before?.wishes.includes(wish)) this.#reconcile(wish.kind, channel, left(before));
    }
  }

  /** Tries now what would be tried later. */
  retry({ kind, channels }: Wish): void {
    for (const channel of channels) {
      const standing = this.find(kind, channel);
      if (standing && standing.trouble.retryAt !== Infinity) this.#tryAgain(kind, channel, standing);
    }
  }

  /** The time limit of a new wish has passed: `error` goes to those of its channels that never had an answer. */
  late(wish: Wish, errorOf: (channel: string) => AshRedisError): void {
    for (const channel of wish.channels) {
      if (wish.cancelled) return;
      const standing = this.find(wish.kind, channel);
      if (!standing || standing.held === 'on' || standing.trouble.denied !== undefined) continue;
      if (standing.trouble.lost?.wishes.includes(wish)) continue;
      wish.sink.onChannelState(channel, 'pending', errorOf(channel));
    }
  }

  // --- the link ------------------------------------------------------------------------------------------------------

  /** A fresh link: everything wanted is asked for. */
  linkUp(): void {
    this.#linked = true;
    // A new link may have new rights.
    const unplanned = alike((before) => before.with({ retryAt: Infinity }));
    // All are off since the link before, and what is off and not wanted is forgotten.
    this.#each((kind, channel, before) => {
      this.#retrying[kind].delete(channel);
      this.#ask('subscribe', kind, channel, unplanned(before));
    });
  }

  /** Another link has taken over, and holds `held`: what else is wanted is asked of it, what is not is given up. */
  moved(held: NewlyHeld, loss: Loss): void {
    const losing = alike((before) => before.losing(loss).as('off'));
    this.#each((kind, channel, before) => {
      const isWhole = held[kind].get(channel);
      // What it holds and we did not know to be held is asked for again: somebody waits for the answer.
      if (before.isWanted ? isWhole && before.held === 'on' : isWhole !== undefined)
        this.#reconcile(kind, channel, before.as('on'));
      else if (before.held !== 'on') this.#tryAgain(kind, channel, before.as('off'));
      else if (this.#lose(kind, channel, losing(before))) this.#reconcileAgain(kind, channel);
    });
    // The old link has left it meanwhile.
    for (const kind of KINDS) {
      for (const channel of held[kind].keys())
        if (!this.find(kind, channel)) this.#ask('unsubscribe', kind, channel, this.#free);
    }
  }

  linkDown(cause: Error, reason: string): void {
    this.#linked = false;
    const loss = { cause, reason };
    const off = alike((before) => {
      const sure = before.with({ unsure: false });
      return (before.held === 'on' ? sure.losing(loss) : sure).as('off');
    });
    this.#each((kind, channel, before) => {
      if (before.held === 'on') this.#lose(kind, channel, off(before));
      else this.#put(kind, channel, off(before));
    });
  }

  /** Told to every sink, and then forgotten. */
  end(error: AshRedisError | undefined): void {
    this.#linked = false;
    const told = new Set<Wish>();
    for (const kind of KINDS) {
      for (const [standing] of this.#byKind[kind].counts()) for (const wish of standing.wishes) told.add(wish);
      this.#byKind[kind].clear();
      this.#retrying[kind].clear();
    }
    for (const wish of told) {
      wish.cancelled = true;
      wish.sink.onEnd(error);
    }
  }

  // --- answers -------------------------------------------------------------------------------------------------------

  /** `tellGap` false: the caller tells all losses at once later (`tellLosses`). */
  confirmed(verb: Verb, kind: ChannelKind, channel: string, wallNow: number, tellGap: boolean): void {
    const before = this.find(kind, channel);
    if (!before) return;
    if (verb === 'unsubscribe') return this.#reconcile(kind, channel, before.with({ unsure: false }).as('off'));
    // Asked again by the audit, and left in the meantime: the answer to that comes next.
    if (before.held === 'turning-off') return;
    const after = before.settled(!tellGap).as('on');
    const { lost, retryAt } = before.trouble;
    if (retryAt !== Infinity) this.#retrying[kind].delete(channel);
    this.#byKind[kind].set(channel, after);
    if (tellGap && lost) {
      for (const wish of lost.wishes) {
        if (!wish.cancelled) wish.sink.onGap(gapOf(wish, [channel], lost.loss, wallNow));
      }
    }
    for (const wish of after.wishes) {
      if (wish.cancelled) continue;
      wish.firstConfirmedAt ||= wallNow;
      wish.sink.onChannelState(channel, 'active', undefined);
    }
    if (!after.isWanted) this.#reconcileAgain(kind, channel);
  }

  /** The server refused; tried again by a slow backoff, since rights may change. */
  refused(verb: Verb, kind: ChannelKind, channel: string, error: AshRedisError, now: number): void {
    const before = this.find(kind, channel);
    if (!before) return;
    if (verb === 'unsubscribe') {
      // It still holds it. Wanted again, it is asked for again, whose answer tells; else its messages find no sink.
      if (before.isWanted) return this.#reconcile(kind, channel, before.as('off'));
      return this.#forget(kind, channel);
    }
    if (before.held === 'turning-off') return;
    const lost = before.held === 'on' ? before.losing({ cause: error, reason: 'denied' }) : before;
    const denials = before.trouble.denials + 1;
    const retryAt = now + Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** (denials - 1));
    const after = lost.with({ denied: error, denials }).as('off');
    if (!after.isWanted) return this.#forget(kind, channel);
    this.#planRetry(kind, channel, after, retryAt);
    tell(after.wishes, channel, 'denied', error);
  }

  /** No answer in time: what the server holds is not known. `error` goes to who waits for it. */
  unanswered(verb: Verb, kind: ChannelKind, channel: string, error: AshRedisError, now: number): void {
    const before = this.find(kind, channel);
    // Asked again by the audit: no answer is no news.
    if (!before || (verb === 'subscribe' && before.held !== 'turning-on')) return;
    // Once is enough: a server that answers neither is not asked for ever.
    const after = before.with({ unsure: verb === 'subscribe' }).as('off');
    if (!after.isWanted) return this.#reconcile(kind, channel, after);
    this.#planRetry(kind, channel, after, now + FIRST_RETRY_MS);
    tell(after.wishes, channel, 'pending', error);
  }

  /** The server took a channel away; asked for again, at once or, when that repeats, a moment later. */
  takenAway(kind: ChannelKind, channel: string, loss: Loss, now: number): void {
    const before = this.find(kind, channel);
    if (before?.held !== 'on') return;
    const again = now - before.trouble.takenAt < TAKEN_AGAIN_MS;
    if (!this.#lose(kind, channel, before.losing(loss).with({ takenAt: now }).as('off'))) return;
    const after = this.find(kind, channel);
    if (!after) return;
    if (again) this.#planRetry(kind, channel, after, now + TAKEN_AGAIN_MS);
    else this.#reconcile(kind, channel, after);
  }

  // --- losses --------------------------------------------------------------------------------------------------------

  /** One gap for each wish, naming its channels that were lost and are held again. */
  tellLosses(wallNow: number): void {
    const told = new Map<Wish, { channels: string[]; loss: Loss }>();
    const withoutLoss = alike((before) => before.with({ lost: undefined }));
    this.#each((kind, channel, before) => {
      const { lost } = before.trouble;
      if (!lost || before.held !== 'on') return;
      for (const wish of lost.wishes) {
        const present = told.get(wish);
        if (present) present.channels.push(channel);
        else if (!wish.cancelled) told.set(wish, { channels: [channel], loss: lost.loss });
      }
      this.#byKind[kind].set(channel, withoutLoss(before));
    });
    for (const [wish, { channels, loss }] of told) wish.sink.onGap(gapOf(wish, channels, loss, wallNow));
  }

  /** It is off now, and was held; who wanted it learns that. False when nobody does. */
  #lose(kind: ChannelKind, channel: string, standing: Standing): boolean {
    this.#put(kind, channel, standing);
    tell(standing.wishes, channel, 'pending', undefined);
    return standing.isWanted;
  }

  /** Its wishes will be told when it is held again. */
  markLost(kind: ChannelKind, channel: string, loss: Loss): void {
    // It was held, so that each of them had been told so.
    const before = this.find(kind, channel);
    if (before) this.#byKind[kind].set(channel, before.losing(loss));
  }

  // --- messages ------------------------------------------------------------------------------------------------------

  /** Hands a message to everybody who wants it. */
  route(message: RespMessage, receivedAt: number): void {
    const { pattern, channel } = message;
    const standing =
      pattern !== undefined
        ? this.#byKind.pattern.find(pattern)
        : (message.shard ? this.#byKind.shard : this.#byKind.channel).find(channel);
    // What comes before a confirmation (the last wish had gone, an answer was late) is of no known beginning: a hole
    // behind it could not be told.
    if (standing?.held !== 'on') return;
    const { wishes } = standing;
    for (let index = 0; index < wishes.length; index++) {
      const wish = wishes[index] as Wish;
      if (wish.cancelled) continue;
      wish.lastMessageAt = receivedAt;
      wish.sink.onMessage(channel, pattern, message.payload, receivedAt);
    }
  }

  // --- retries -------------------------------------------------------------------------------------------------------

  /** Monotonic ms; Infinity for none. It may be early, since what was planned may be done already. */
  nextRetryAt(): number {
    return KINDS.every((kind) => this.#retrying[kind].size === 0) ? Infinity : this.#nextRetryAt;
  }

  retryDue(now: number): void {
    this.#nextRetryAt = Infinity;
    for (const kind of KINDS) {
      for (const channel of [...this.#retrying[kind]]) {
        const standing = this.find(kind, channel);
        const retryAt = standing?.trouble.retryAt ?? Infinity;
        // A try that fails at once plans the next.
        if (!standing || retryAt <= now) this.#tryAgain(kind, channel, standing ?? this.#free);
        else this.#nextRetryAt = Math.min(this.#nextRetryAt, retryAt);
      }
    }
  }

  /** Asks again for what the server should hold, whatever it holds; used by the audit. */
  askAgain(kind: ChannelKind, channel: string): void {
    const standing = this.find(kind, channel);
    // It stays `on` meanwhile: a link that is lost now is a loss.
    if (standing?.held === 'on') this.#owner.ask('subscribe', kind, channel, false);
  }

  #tryAgain(kind: ChannelKind, channel: string, before: Standing): void {
    this.#retrying[kind].delete(channel);
    const standing = before.with({ retryAt: Infinity });
    if (standing.held === 'off' && standing.isWanted && this.#linked) this.#ask('subscribe', kind, channel, standing);
    else this.#put(kind, channel, standing);
  }

  #planRetry(kind: ChannelKind, channel: string, standing: Standing, retryAt: number): void {
    this.#nextRetryAt = Math.min(this.#nextRetryAt, retryAt);
    this.#retrying[kind].add(channel);
    this.#byKind[kind].set(channel, standing.with({ retryAt }));
  }

  #each(act: (kind: ChannelKind, channel: string, before: Standing) => void): void {
    for (const kind of KINDS) for (const [channel, before] of this.#byKind[kind]) act(kind, channel, before);
  }

  // --- one channel ---------------------------------------------------------------------------------------------------

  /** Brings what the server holds nearer to what is wanted. */
  #reconcile(kind: ChannelKind, channel: string, standing: Standing): void {
    const { held, isWanted, trouble } = standing;
    if (this.#linked) {
      if (isWanted && held === 'off' && trouble.retryAt === Infinity) {
        return this.#ask('subscribe', kind, channel, standing);
      }
      if (!isWanted && (held === 'on' || (held === 'off' && trouble.unsure))) {
        return this.#ask('unsubscribe', kind, channel, standing);
      }
    }
    this.#put(kind, channel, standing);
  }

  /** After users of the table were called. */
  #reconcileAgain(kind: ChannelKind, channel: string): void {
    const standing = this.find(kind, channel);
    if (standing) this.#reconcile(kind, channel, standing);
  }

  #ask(verb: Verb, kind: ChannelKind, channel: string, standing: Standing): void {
    this.#byKind[kind].set(channel, standing.as(verb === 'subscribe' ? 'turning-on' : 'turning-off'));
    const { denied, unsure } = standing.trouble;
    this.#owner.ask(verb, kind, channel, denied !== undefined || unsure);
  }

  /** What nobody wants and nothing is in flight about is forgotten. */
  #put(kind: ChannelKind, channel: string, standing: Standing): void {
    if (standing.isWanted || standing.isTurning) this.#byKind[kind].set(channel, standing);
    else this.#forget(kind, channel);
  }

  #forget(kind: ChannelKind, channel: string): void {
    this.#retrying[kind].delete(channel);
    this.#byKind[kind].delete(channel);
  }
}

function tell(wishes: readonly Wish[], channel: string, state: 'pending' | 'denied', error?: AshRedisError): void {
  for (const wish of wishes) if (!wish.cancelled) wish.sink.onChannelState(channel, state, error);
}

function gapOf(wish: Wish, channels: string[], { cause, reason }: Loss, wallNow: number): Gap {
  const from = wish.lastMessageAt === 0 ? wish.firstConfirmedAt : wish.lastMessageAt;
  return { channels, from, to: wallNow, cause, reason, missed: 'unknown' };
}
