// What is wanted, asked and confirmed, for each kind and channel, and who gets its messages. Pure: no I/O, no clock.
// Called by the subscriber connection, which sends what the table asks for and tells it what came back.
//
//   wanted  off --ask--> turning-on --confirmed--> on          link lost, unsubscribed by the server: off, and lost
//   not     on --ask--> turning-off --confirmed--> off         refused: off, denied until its time comes
//
// At most one command is in flight for a channel: what its answer finds decides about the next.

import type { AshRedisError } from '../errors/index.ts';
import type { RespMessage } from '../resp/index.ts';
import type { ChannelKind, Gap, MessageSink, SubscribeWish } from './types.ts';

/** One wish for channels, and what its sink has seen. */
export interface Wish {
  readonly kind: ChannelKind;
  readonly channels: readonly string[];
  readonly sink: MessageSink;
  /** Epoch ms of the first confirmation; 0 before it. */
  firstConfirmedAt: number;
  /** Epoch ms; 0 before the first. */
  lastMessageAt: number;
  cancelled: boolean;
}

/** What the server holds of a channel, as far as this link knows. */
export type Held = 'off' | 'turning-on' | 'on' | 'turning-off';

export interface Entry {
  readonly kind: ChannelKind;
  readonly channel: string;
  /** A new array at each change, so that messages are routed and losses noted without a copy. */
  wishes: readonly Wish[];
  held: Held;
  /** A command about it was not answered: the server may hold what `held` says it does not. */
  unsure: boolean;
  /** The server's refusal, while it stands. */
  denied: AshRedisError | undefined;
  denials: number;
  /** Monotonic ms of the next try of what was denied or taken away; Infinity when none is planned. */
  retryAt: number;
  /** Taken away after it was confirmed, and not told yet, with those who had it then. */
  lost: { readonly loss: Loss; readonly wishes: readonly Wish[] } | undefined;
  /** Monotonic ms of the last time that the server took it away. */
  takenAt: number;
}

export interface Loss {
  readonly cause: Error;
  readonly reason: string;
}

export interface TableOwner {
  /** Sends one command; its answer comes back as `confirmed`, `refused` or `unanswered`. */
  ask(verb: 'subscribe' | 'unsubscribe', entry: Entry): void;
}

const NOBODY: readonly Wish[] = Object.freeze([]);
const FIRST_RETRY_MS = 1000;
const MAX_RETRY_MS = 60_000;
/** A server that takes the same channel away again at once is not asked at once again. */
const TAKEN_AGAIN_MS = 1000;

export class SubscriptionTable {
  readonly #owner: TableOwner;
  readonly #byKind: Readonly<Record<ChannelKind, Map<string, Entry>>> = {
    channel: new Map(),
    pattern: new Map(),
    shard: new Map(),
  };
  /** Commands can be sent: restoring or ready. */
  #linked = false;
  /** Entries that wait for a retry. */
  readonly #retrying = new Set<Entry>();
  /** No retry is due before this. */
  #nextRetryAt = Infinity;
  /** Grows with every change of what the server should hold. */
  version = 0;

  constructor(owner: TableOwner) {
    this.#owner = owner;
  }

  get isEmpty(): boolean {
    return this.#byKind.channel.size + this.#byKind.pattern.size + this.#byKind.shard.size === 0;
  }

  /** Channels that the server holds by our account, and whether nothing is in flight about them. */
  heldCount(kind: ChannelKind): { held: number; settled: boolean } {
    let held = 0;
    let settled = true;
    for (const entry of this.#byKind[kind].values()) {
      if (entry.held === 'on') held++;
      else if (entry.held !== 'off') settled = false;
    }
    return { held, settled };
  }

  entriesOf(kind: ChannelKind): Iterable<Entry> {
    return this.#byKind[kind].values();
  }

  /** Everything that the server holds by our account and that is wanted. */
  held(): Entry[] {
    const entries: Entry[] = [];
    for (const kind of ['channel', 'pattern', 'shard'] as const) {
      for (const entry of this.#byKind[kind].values()) {
        if (entry.held === 'on' && entry.wishes.length > 0) entries.push(entry);
      }
    }
    return entries;
  }

  find(kind: ChannelKind, channel: string): Entry | undefined {
    return this.#byKind[kind].get(channel);
  }

  /** `wallNow` is epoch ms. A channel that is held already is active at once. */
  add(asked: SubscribeWish, wallNow: number): Wish {
    const wish: Wish = {
      kind: asked.kind,
      channels: [...new Set(asked.channels)],
      sink: asked.sink,
      firstConfirmedAt: 0,
      lastMessageAt: 0,
      cancelled: false,
    };
    for (const channel of wish.channels) {
      const entry = this.#entryOf(asked.kind, channel);
      entry.wishes = entry.wishes.length === 0 ? [wish] : [...entry.wishes, wish];
      if (entry.held === 'on') {
        wish.firstConfirmedAt ||= wallNow;
        wish.sink.onChannelState(channel, 'active', undefined);
        // Whoever asks now wants to know now, not when a retry is due.
      } else if (entry.retryAt !== Infinity) this.#tryAgain(entry);
      else this.#reconcile(entry);
    }
    return wish;
  }

  /** Nothing reaches the sink after this. */
  remove(wish: Wish): void {
    if (wish.cancelled) return;
    wish.cancelled = true;
    for (const channel of wish.channels) {
      const entry = this.#byKind[wish.kind].get(channel);
      if (entry === undefined || !entry.wishes.includes(wish)) continue;
      entry.wishes = entry.wishes.length === 1 ? NOBODY : entry.wishes.filter((other) => other !== wish);
      this.#reconcile(entry);
    }
  }

  /** Tries now what would be tried later. */
  retry(wish: Wish): void {
    for (const channel of wish.channels) {
      const entry = this.#byKind[wish.kind].get(channel);
      if (entry !== undefined && entry.retryAt !== Infinity) this.#tryAgain(entry);
    }
  }

  /** Each of its channels is held or refused. */
  isSettled(wish: Wish): boolean {
    const entries = this.#byKind[wish.kind];
    return wish.channels.every((channel) => {
      const entry = entries.get(channel);
      return entry?.held === 'on' || entry?.denied !== undefined;
    });
  }

  /** The time limit of a new wish has passed: `error` goes to those of its channels that never had an answer. */
  late(wish: Wish, errorOf: (channel: string) => AshRedisError): void {
    if (wish.cancelled) return;
    for (const channel of wish.channels) {
      const entry = this.#byKind[wish.kind].get(channel);
      if (entry === undefined || entry.held === 'on' || entry.denied !== undefined) continue;
      if (entry.lost?.wishes.includes(wish) === true) continue;
      wish.sink.onChannelState(channel, 'pending', errorOf(channel));
    }
  }

  // --- the link ------------------------------------------------------------------------------------------------------

  /** A fresh link: everything wanted is asked for. Gives how many answers will come. */
  linkUp(): number {
    this.#linked = true;
    let asked = 0;
    for (const kind of ['channel', 'pattern', 'shard'] as const) {
      for (const entry of this.#byKind[kind].values()) {
        if (entry.held !== 'off' || entry.wishes.length === 0) continue;
        // A new link may have new rights.
        this.#retrying.delete(entry);
        entry.retryAt = Infinity;
        this.#ask('subscribe', entry);
        asked++;
      }
    }
    return asked;
  }

  /** Another link has taken over, and holds `held`: what else is wanted is asked of it, what is not is given up. */
  moved(held: ReadonlySet<Entry>, loss: Loss): void {
    this.version++;
    for (const kind of ['channel', 'pattern', 'shard'] as const) {
      for (const entry of [...this.#byKind[kind].values()]) {
        const wasOn = entry.held === 'on';
        entry.held = held.has(entry) ? 'on' : 'off';
        if (wasOn && entry.held === 'off') this.#lose(entry, loss);
        this.#reconcile(entry);
      }
    }
  }

  linkDown(cause: Error, reason: string): void {
    this.#linked = false;
    this.version++;
    for (const kind of ['channel', 'pattern', 'shard'] as const) {
      for (const entry of [...this.#byKind[kind].values()]) {
        const wasOn = entry.held === 'on';
        entry.held = 'off';
        entry.unsure = false;
        if (wasOn) this.#lose(entry, { cause, reason });
        else this.#forgetIfUnwanted(entry);
      }
    }
  }

  /** Told to every sink, and then forgotten. */
  end(error: AshRedisError | undefined): void {
    this.#linked = false;
    const sinks = new Set<Wish>();
    for (const kind of ['channel', 'pattern', 'shard'] as const) {
      for (const entry of this.#byKind[kind].values()) for (const wish of entry.wishes) sinks.add(wish);
      this.#byKind[kind].clear();
    }
    this.#retrying.clear();
    for (const wish of sinks) {
      wish.cancelled = true;
      wish.sink.onEnd(error);
    }
  }

  // --- answers -------------------------------------------------------------------------------------------------------

  /** `tellGap` false: the caller tells all losses at once later (`tellLosses`). */
  confirmed(verb: 'subscribe' | 'unsubscribe', entry: Entry, wallNow: number, tellGap: boolean): void {
    this.version++;
    if (verb === 'unsubscribe') {
      entry.held = 'off';
      entry.unsure = false;
      return this.#reconcile(entry);
    }
    // Asked again by the audit, and left in the meantime: the answer to that comes next.
    if (entry.held === 'turning-off') return;
    entry.held = 'on';
    entry.unsure = false;
    entry.denied = undefined;
    entry.denials = 0;
    entry.retryAt = Infinity;
    this.#retrying.delete(entry);
    if (tellGap) this.#tellLoss(entry, wallNow);
    for (const wish of entry.wishes) {
      wish.firstConfirmedAt ||= wallNow;
      wish.sink.onChannelState(entry.channel, 'active', undefined);
    }
    this.#reconcile(entry);
  }

  /** The server refused; tried again by a slow backoff, since rights may change. */
  refused(verb: 'subscribe' | 'unsubscribe', entry: Entry, error: AshRedisError, now: number): void {
    this.version++;
    if (verb === 'unsubscribe') {
      // It still holds it. Wanted again, it is asked for again, whose answer tells; else its messages find no sink.
      entry.held = 'off';
      if (entry.wishes.length > 0) return this.#reconcile(entry);
      return this.#forget(entry);
    }
    if (entry.held === 'turning-off') return;
    if (entry.held === 'on') this.markLost(entry, { cause: error, reason: 'denied' });
    entry.held = 'off';
    entry.denied = error;
    entry.denials++;
    this.#planRetry(entry, now + Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** (entry.denials - 1)));
    for (const wish of entry.wishes) wish.sink.onChannelState(entry.channel, 'denied', error);
    this.#forgetIfUnwanted(entry);
  }

  /** No answer in time: what the server holds is not known. `error` goes to who waits for it. */
  unanswered(verb: 'subscribe' | 'unsubscribe', entry: Entry, error: AshRedisError, now: number): void {
    // Asked again by the audit: no answer is no news.
    if (verb === 'subscribe' && entry.held !== 'turning-on') return;
    this.version++;
    entry.held = 'off';
    // Once is enough: a server that answers neither is not asked for ever.
    entry.unsure = verb === 'subscribe';
    if (entry.wishes.length === 0) return this.#reconcile(entry);
    this.#planRetry(entry, now + FIRST_RETRY_MS);
    for (const wish of entry.wishes) wish.sink.onChannelState(entry.channel, 'pending', error);
  }

  /** The server took a channel away; asked for again, at once or, when that repeats, a moment later. */
  takenAway(kind: ChannelKind, channel: string, loss: Loss, now: number): void {
    const entry = this.#byKind[kind].get(channel);
    if (entry?.held !== 'on') return;
    this.version++;
    entry.held = 'off';
    this.#lose(entry, loss);
    if (entry.wishes.length === 0) return;
    const again = now - entry.takenAt < TAKEN_AGAIN_MS;
    entry.takenAt = now;
    if (again) this.#planRetry(entry, now + TAKEN_AGAIN_MS);
    else this.#reconcile(entry);
  }

  // --- losses --------------------------------------------------------------------------------------------------------

  /** One gap for each wish, naming its channels that were lost and are held again. */
  tellLosses(wallNow: number): void {
    const told = new Map<Wish, { channels: string[]; loss: Loss }>();
    for (const kind of ['channel', 'pattern', 'shard'] as const) {
      for (const entry of this.#byKind[kind].values()) {
        if (entry.lost === undefined || entry.held !== 'on') continue;
        for (const wish of entry.lost.wishes) {
          const present = told.get(wish);
          if (present !== undefined) present.channels.push(entry.channel);
          else if (!wish.cancelled) told.set(wish, { channels: [entry.channel], loss: entry.lost.loss });
        }
        entry.lost = undefined;
      }
    }
    for (const [wish, { channels, loss }] of told) wish.sink.onGap(gapOf(wish, channels, loss, wallNow));
  }

  #tellLoss(entry: Entry, wallNow: number): void {
    const { lost } = entry;
    if (lost === undefined) return;
    entry.lost = undefined;
    for (const wish of lost.wishes) {
      if (!wish.cancelled) wish.sink.onGap(gapOf(wish, [entry.channel], lost.loss, wallNow));
    }
  }

  #lose(entry: Entry, loss: Loss): void {
    this.markLost(entry, loss);
    for (const wish of entry.wishes) wish.sink.onChannelState(entry.channel, 'pending', undefined);
    this.#forgetIfUnwanted(entry);
  }

  /** Its wishes will be told when it is held again. Who comes after this has lost nothing. */
  markLost(entry: Entry, loss: Loss): void {
    // It was held, so that each of them had been told so. The first reason stands.
    entry.lost = { loss: entry.lost?.loss ?? loss, wishes: entry.wishes };
  }

  // --- messages ------------------------------------------------------------------------------------------------------

  /** Hands a message to everybody who wants it. */
  route(message: RespMessage, receivedAt: number): void {
    const { pattern, channel } = message;
    const entry =
      pattern !== undefined
        ? this.#byKind.pattern.get(pattern)
        : (message.shard ? this.#byKind.shard : this.#byKind.channel).get(channel);
    // What comes before a confirmation (the last wish had gone, an answer was late) is of no known beginning: a hole
    // behind it could not be told.
    if (entry?.held !== 'on') return;
    const { wishes } = entry;
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
    return this.#retrying.size === 0 ? Infinity : this.#nextRetryAt;
  }

  retryDue(now: number): void {
    this.#nextRetryAt = Infinity;
    for (const entry of [...this.#retrying]) {
      // A try that fails at once plans the next.
      if (entry.retryAt <= now) this.#tryAgain(entry);
      else this.#nextRetryAt = Math.min(this.#nextRetryAt, entry.retryAt);
    }
  }

  /** Asks again for what the server should hold, whatever it holds; used by the audit. */
  askAgain(entry: Entry): void {
    // It stays `on` meanwhile: a link that is lost now is a loss.
    if (this.#linked && entry.held === 'on' && entry.wishes.length > 0) this.#owner.ask('subscribe', entry);
  }

  #tryAgain(entry: Entry): void {
    this.#retrying.delete(entry);
    entry.retryAt = Infinity;
    if (entry.held === 'off' && entry.wishes.length > 0 && this.#linked) this.#ask('subscribe', entry);
  }

  #planRetry(entry: Entry, at: number): void {
    entry.retryAt = at;
    this.#nextRetryAt = Math.min(this.#nextRetryAt, at);
    this.#retrying.add(entry);
  }

  /** Brings what the server holds nearer to what is wanted. */
  #reconcile(entry: Entry): void {
    const wanted = entry.wishes.length > 0;
    if (this.#linked) {
      if (wanted && entry.held === 'off' && entry.retryAt === Infinity) return this.#ask('subscribe', entry);
      if (!wanted && (entry.held === 'on' || (entry.held === 'off' && entry.unsure))) {
        return this.#ask('unsubscribe', entry);
      }
    }
    this.#forgetIfUnwanted(entry);
  }

  #ask(verb: 'subscribe' | 'unsubscribe', entry: Entry): void {
    this.version++;
    entry.held = verb === 'subscribe' ? 'turning-on' : 'turning-off';
    this.#owner.ask(verb, entry);
  }

  #forgetIfUnwanted(entry: Entry): void {
    if (entry.wishes.length > 0 || entry.held === 'turning-on' || entry.held === 'turning-off') return;
    this.#forget(entry);
  }

  #forget(entry: Entry): void {
    this.#retrying.delete(entry);
    const entries = this.#byKind[entry.kind];
    if (entries.get(entry.channel) === entry) entries.delete(entry.channel);
  }

  #entryOf(kind: ChannelKind, channel: string): Entry {
    const entries = this.#byKind[kind];
    let entry = entries.get(channel);
    if (entry === undefined) {
      entry = {
        kind,
        channel,
        wishes: NOBODY,
        held: 'off',
        unsure: false,
        denied: undefined,
        denials: 0,
        retryAt: Infinity,
        lost: undefined,
        takenAt: -Infinity,
      };
      entries.set(channel, entry);
    }
    return entry;
  }
}

function gapOf(wish: Wish, channels: string[], { cause, reason }: Loss, wallNow: number): Gap {
  const from = wish.lastMessageAt === 0 ? wish.firstConfirmedAt : wish.lastMessageAt;
  return { channels, from, to: wallNow, cause, reason, missed: 'unknown' };
}
