// `ashredis sub CHANNEL…`: prints messages as they come. Called by `ashredis.ts`.
// Standard output carries messages alone; gaps and lost links go to standard error, or into the stream with --json.

import {
  AshRedisChannelDataSubscriber,
  type AshRedisClient,
  bytesCodec,
  type ChannelKind,
  type Codec,
  type Gap,
  jsonCodec,
  type Message,
} from '../../api/index.ts';
import { UsageError } from '../../errors/index.ts';
import type { ParsedArguments } from '../arguments.ts';
import { type CliCommand, type CliContext, EXIT, exitOnStop, stopWanted } from '../context.ts';
import { inFlags } from '../flag-words.ts';
import { checkChannel, SERVER_OPTIONS, withClient } from '../server-options.ts';
import { duration, paint, printable, printableName, timeOfDay, withoutLink } from '../text.ts';

/** JSON where it is JSON, else the text: a tool that looks must show what others sent. */
const LENIENT_CODEC: Codec = {
  name: 'json-or-text',
  encode: (value) => jsonCodec.encode(value),
  decode(raw) {
    try {
      return jsonCodec.decode(raw);
    } catch {
      return raw;
    }
  },
};

export const subCommand: CliCommand = {
  spec: {
    name: 'ashredis sub',
    summary: 'Print the messages of channels as they come',
    usage: 'CHANNEL… [--pattern] [--count N] [--raw] [--latest] [options]',
    words: [1, 10_000],
    options: [
      { name: 'pattern', help: 'the names are patterns: sensor:*' },
      { name: 'shard', help: 'the names are shard channels' },
      { name: 'count', short: 'c', value: 'N', kind: 'integer', min: 1, help: 'end after N messages' },
      { name: 'raw', help: 'print payloads alone, as they came' },
      { name: 'latest', help: 'the current value first, then newer ones (publishers with retain; line servers)' },
      { name: 'numbered', help: 'the publishers number their messages: count what is missing' },
      { name: 'json', help: 'one JSON object a line, gaps included (without gaps this is the default in a pipe)' },
      ...SERVER_OPTIONS,
    ],
    examples: [
      ['everything about alerts', 'ashredis sub system_alerts'],
      ['all sensors, the first ten messages, for jq', `ashredis sub --pattern 'sensor:*' --count 10 | jq .data`],
      ['payloads into a file', 'ashredis sub logs --raw >> logs.ndjson'],
    ],
    notes: ['It reconnects by itself for ever. Ctrl-C ends it with exit code 130.'],
  },
  run(args, context) {
    if (args.flag('raw') && args.flag('json')) {
      throw new UsageError('Cannot use --raw together with --json: one prints payloads alone, the other objects');
    }
    return withClient(args, context, async (client) => {
      const wanted = args.number('count') ?? Number.POSITIVE_INFINITY;
      let printed = 0;
      let finish = () => {};
      let fail = (_error: Error) => {};
      const finished = new Promise<void>((resolve, reject) => {
        finish = resolve;
        fail = reject;
      });
      // Where start() fails as well, it says so first.
      finished.catch(() => {});
      const printer = new MessagePrinter(args, context);
      client.on('state', (event) => {
        if (event.connection === 'subscriptions') void printer.state(event.from, event.to, event);
        // It will not be tried again: another password, a broken protocol.
        if (event.to === 'idle' && event.cause !== undefined) fail(event.cause);
      });
      // A channel that is named twice is one.
      const subscribers = [...new Set(args.words)].map((channel) =>
        subscriberOf(client, channel, args, {
          async onMessage(message) {
            if (printed >= wanted || context.signal.aborted) return;
            printed++;
            await printer.message(message);
            if (printed >= wanted) finish();
          },
          onGap: (gap) => printer.gap(gap),
          onInvalid: (error) => printer.invalid(channel, error),
        }),
      );
      // All at once: one connection, one round trip.
      await Promise.all(subscribers.map((subscriber) => subscriber.start()));
      if (context.err.isTerminal) await context.err.write(`${paint(context.err, 'dim', listening(args))}\n`);
      await Promise.race([finished, stopWanted(context.signal)]);
      await Promise.all(subscribers.map((subscriber) => subscriber.stop()));
      return printed >= wanted ? EXIT.ok : exitOnStop(context, EXIT.ok);
    });
  },
};

interface Hooks {
  onMessage(message: Message<unknown>): unknown;
  onGap(gap: Gap): unknown;
  onInvalid(error: Error): unknown;
}

function subscriberOf(
  client: AshRedisClient,
  channel: string,
  args: ParsedArguments,
  hooks: Hooks,
): AshRedisChannelDataSubscriber<unknown> {
  checkChannel(channel);
  if (args.flag('pattern') && args.flag('shard')) {
    throw new UsageError('Cannot use --pattern together with --shard: shard channels have no patterns');
  }
  const kind: ChannelKind = args.flag('pattern') ? 'pattern' : args.flag('shard') ? 'shard' : 'channel';
  const region = args.text('region');
  const subscriber = new AshRedisChannelDataSubscriber<unknown>('ashredis-sub', `ashredischannel://${channel}`, {
    client,
    kind,
    // An envelope has JSON inside, and is looked into for the JSON codec alone.
    codec: args.flag('numbered') ? jsonCodec : isBytes(args) ? bytesCodec : LENIENT_CODEC,
    delivery: args.flag('latest') ? 'latest' : 'live',
    numbered: args.flag('numbered'),
    onMessage: hooks.onMessage,
    onGap: hooks.onGap,
    ...(region === undefined ? {} : { region }),
  });
  subscriber.on('invalid', ({ error }) => hooks.onInvalid(error));
  return subscriber;
}

/** Payloads as they came are bytes. An envelope is text, and line servers have nothing else. */
function isBytes(args: ParsedArguments): boolean {
  return args.flag('raw') && !args.flag('numbered') && !args.flag('latest');
}

function listening(args: ParsedArguments): string {
  const names = args.words.slice(0, 5).join(', ');
  const more = args.words.length > 5 ? ` and ${args.words.length - 5} more` : '';
  return `listening on ${printable(names)}${more}, Ctrl-C ends it`;
}

class MessagePrinter {
  readonly #context: CliContext;
  readonly #form: 'raw' | 'ndjson' | 'screen';
  readonly #gapsInStream: boolean;
  #isLost = false;

  constructor(args: ParsedArguments, context: CliContext) {
    this.#context = context;
    const ndjson = args.flag('json') || !context.out.isTerminal;
    this.#form = args.flag('raw') ? 'raw' : ndjson ? 'ndjson' : 'screen';
    this.#gapsInStream = args.flag('json') && this.#form === 'ndjson';
  }

  message(message: Message<unknown>): Promise<void> | undefined {
    const { out } = this.#context;
    const { channel, pattern, region, data, raw, receivedAt, position } = message;
    if (this.#form === 'raw') {
      const isAsItCame = !out.isTerminal;
      void out.write(isAsItCame ? raw : printable(typeof raw === 'string' ? raw : new TextDecoder().decode(raw)));
      return out.write('\n');
    }
    if (this.#form === 'ndjson') {
      // JSON goes on as it came: written anew, numbers beyond 2^53 would be others. Line breaks in it are blanks.
      const value = data === raw ? JSON.stringify(data) : String(raw).replace(/[\r\n]+/g, ' ');
      const head = JSON.stringify({ channel, pattern, region });
      const tail = JSON.stringify({ receivedAt, position });
      return out.write(`${head.slice(0, -1)},"data":${value},${tail.slice(1)}\n`);
    }
    const when = paint(out, 'dim', timeOfDay(receivedAt));
    const number = position === undefined ? '' : paint(out, 'dim', ` #${position.offset}`);
    return out.write(`${when} ${paint(out, 'cyan', printableName(channel))}${number} ${printable(String(raw))}\n`);
  }

  gap(gap: Gap): Promise<void> | undefined {
    const { channels, from, to, reason, missed, cause } = gap;
    if (this.#gapsInStream) {
      const told = { channels, from, to, reason, missed, cause: cause.message };
      return this.#context.out.write(`${JSON.stringify({ gap: told })}\n`);
    }
    const how =
      missed === 'unknown' ? 'an unknown number of messages' : `${missed} ${missed === 1 ? 'message' : 'messages'}`;
    // Each channel has a gap of its own.
    return this.#note(
      'gap',
      `${how} missed on ${channels.map(printableName).join(', ')} within ${duration(to - from)} (${reason})`,
    );
  }

  invalid(channel: string, error: Error): Promise<void> | undefined {
    return this.#note('not a numbered message', `${channel}: ${withoutLink(error.message)}`);
  }

  state(from: string, to: string, event: { cause?: Error; retryInMs?: number }): Promise<void> | undefined {
    if (to === 'waiting' && from === 'ready') {
      this.#isLost = true;
      return this.#note('link lost', inFlags(withoutLink(event.cause?.message ?? '')));
    }
    if (to === 'ready' && this.#isLost) {
      this.#isLost = false;
      return this.#note('connected again', '');
    }
    return undefined;
  }

  #note(word: string, text: string): Promise<void> | undefined {
    const { err } = this.#context;
    return err.write(`${paint(err, 'yellow', word)}${text === '' ? '' : `: ${printable(text)}`}\n`);
  }
}
