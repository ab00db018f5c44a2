// `ashredis pub CHANNEL [JSON]`: publishes one message, or each line of standard input. Called by `ashredis.ts`.
// It must account for every line: sent, failed or unknown.

import { AshRedisChannelDataPublisher, type AshRedisClient, type Codec } from '../../api/index.ts';
import { UsageError } from '../../errors/index.ts';
import type { ParsedArguments } from '../arguments.ts';
import { type CliCommand, type CliContext, EXIT, exitOnStop } from '../context.ts';
import { inFlags } from '../flag-words.ts';
import { type Line, linesOf } from '../lines.ts';
import { checkChannel, SERVER_OPTIONS, withClient } from '../server-options.ts';
import { bytes, count, paint, printable } from '../text.ts';

const MAX_LINE_BYTES = 64 * 1024 * 1024;
const PROGRESS_MS = 200;

/** Text goes as it is: it was checked to be JSON before, and writing it anew would change numbers beyond 2^53. */
function textCodec(args: ParsedArguments): Codec {
  const text = (value: unknown) => (value as Line).text;
  if (!args.flag('numbered')) return { name: 'text', encode: text, decode: (raw) => raw };
  // The publisher's own envelope would hold the JSON of this codec as a string, which no subscriber looks into.
  const epoch = `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
  let offset = 0;
  return {
    name: 'numbered-text',
    encode(value) {
      const data = args.flag('text') ? JSON.stringify(text(value)) : text(value);
      return `{"epoch":"${epoch}","offset":${++offset},"data":${data}}`;
    },
    decode: (raw) => raw,
  };
}

export const pubCommand: CliCommand = {
  spec: {
    name: 'ashredis pub',
    summary: 'Publish a message, or every line of standard input',
    usage: 'CHANNEL [JSON] [--strict] [--text] [options]',
    words: [1, 2],
    options: [
      { name: 'text', help: 'send the text as it is, JSON or not' },
      { name: 'strict', help: 'stop at the first bad line instead of going on' },
      { name: 'retain', help: 'keep the newest message as well, for sub --latest' },
      { name: 'numbered', help: 'number the messages, so that receivers can count what is missing' },
      { name: 'shard', help: 'CHANNEL is a shard channel' },
      { name: 'json', help: 'print the account as JSON on standard output' },
      { name: 'quiet', short: 'q', help: 'no progress and no account' },
      ...SERVER_OPTIONS,
    ],
    examples: [
      ['one message', `ashredis pub system_alerts '{"level":"high"}'`],
      ['a log, line by line, for ever', 'tail -f access.ndjson | ashredis pub logs'],
      ['lines that are not JSON', 'tail -f /var/log/syslog | ashredis pub logs --text'],
    ],
    notes: [
      'Without JSON, or with -, lines of standard input are read.',
      'At the end standard error says how many were sent, failed, and unknown (written, but never answered).',
      'Exit code 0 only when every line was sent. Empty lines are skipped.',
    ],
  },
  run: (args, context) =>
    withClient(args, context, async (client) => {
      const publisher = publisherOf(client, args);
      try {
        const word = args.words[1] === '-' ? undefined : args.words[1];
        if (word !== undefined && !args.flag('text')) checkJson(word);
        // Before the first line is read: each would fail, or wait.
        await client.connect({ signal: context.signal });
        if (word !== undefined) return await publishOne(publisher, word, args, context);
        return await publishLines(publisher, args, context);
      } finally {
        await publisher.stop();
      }
    }),
};

function publisherOf(client: AshRedisClient, args: ParsedArguments): AshRedisChannelDataPublisher {
  const region = args.text('region');
  checkChannel(args.words[0]!);
  return new AshRedisChannelDataPublisher('ashredis-pub', `ashredischannel://${args.words[0]}`, {
    client,
    codec: textCodec(args),
    kind: args.flag('shard') ? 'shard' : 'channel',
    retain: args.flag('retain'),
    ...(region === undefined ? {} : { region }),
  });
}

function checkJson(text: string): void {
  const found = notJson(text);
  if (found === undefined) return;
  throw new UsageError(`Cannot publish '${shortened(text)}': it is not JSON (${found})`, {
    hint: 'quote it for the shell as in \'{"level":"high"}\', or send it as it is with --text',
  });
}

async function publishOne(
  publisher: AshRedisChannelDataPublisher,
  text: string,
  args: ParsedArguments,
  context: CliContext,
): Promise<number> {
  const line: Line = { number: 1, text };
  const receivers = await publisher.publish(line, { signal: context.signal });
  if (args.flag('json')) await context.out.write(`${JSON.stringify({ sent: 1, failed: 0, unknown: 0, receivers })}\n`);
  else if (!args.flag('quiet')) {
    const told = receivers === undefined ? '' : ` to ${receivers} ${receivers === 1 ? 'receiver' : 'receivers'}`;
    await context.err.write(`sent 1${told}\n`);
  }
  return EXIT.ok;
}

async function publishLines(
  publisher: AshRedisChannelDataPublisher,
  args: ParsedArguments,
  context: CliContext,
): Promise<number> {
  const { err, stdin } = context;
  const isText = args.flag('text');
  if (stdin.isTerminal && !args.flag('quiet')) {
    await err.write(`${paint(err, 'dim', 'one JSON value a line, Ctrl-D ends it')}\n`);
  }
  let bad = 0;
  let refused: Error | undefined;
  const onStop = () => stdin.stop();
  context.signal.addEventListener('abort', onStop, { once: true });
  if (context.signal.aborted) stdin.stop();

  async function* wanted(): AsyncGenerator<Line> {
    try {
      for await (const line of linesOf(stdin, MAX_LINE_BYTES, isText)) {
        if (!line.isTooLong && (isText ? line.text : line.text.trim()) === '') continue;
        const found = whyBad(line, args);
        if (found === undefined) yield line;
        else {
          bad++;
          await err.write(`${paint(err, 'red', `line ${line.number}`)}: ${printable(found)}\n`);
          if (args.flag('strict')) return;
        }
      }
    } catch (error) {
      // Our own stop ends the stream in the middle; what was read until then is still accounted for.
      if (!context.signal.aborted) throw error;
    }
  }

  const progress = showProgress(publisher, args, context);
  let result = { published: 0, failed: 0, unknown: 0 };
  try {
    result = await publisher.publishMany(wanted(), {
      onFailure(error, record) {
        // One line for the first; a dead server would otherwise print one for each record.
        if (refused === undefined)
          void err.write(`line ${(record as Line).number}: ${printable(inFlags(error.message))}\n`);
        refused = error;
      },
    });
  } finally {
    context.signal.removeEventListener('abort', onStop);
    progress.end();
  }
  const account = { sent: result.published, failed: result.failed + bad, unknown: result.unknown };
  if (args.flag('json')) await context.out.write(`${JSON.stringify(account)}\n`);
  else if (!args.flag('quiet')) {
    const { sent, failed, unknown } = account;
    await err.write(`sent ${count(sent)}, failed ${count(failed)}, unknown ${count(unknown)}${progress.rate()}\n`);
  }
  const isComplete = account.failed + account.unknown === 0;
  return exitOnStop(context, isComplete ? EXIT.ok : EXIT.failed);
}

function showProgress(publisher: AshRedisChannelDataPublisher, args: ParsedArguments, context: CliContext) {
  const { err } = context;
  const started = performance.now();
  const rate = () => {
    const seconds = (performance.now() - started) / 1000;
    return seconds < 0.2 ? '' : ` (${count(publisher.publishCount / seconds)} a second)`;
  };
  if (!err.isTerminal || context.env.TERM === 'dumb' || args.flag('quiet')) return { rate, end() {} };
  const timer = setInterval(() => {
    void err.write(`\r\u001b[K${count(publisher.publishCount)} sent${rate()}`);
  }, PROGRESS_MS);
  return {
    rate,
    end() {
      clearInterval(timer);
      void err.write('\r\u001b[K');
    },
  };
}

function whyBad({ text, isTooLong }: Line, args: ParsedArguments): string | undefined {
  if (isTooLong) return `longer than ${bytes(MAX_LINE_BYTES)}`;
  const found = args.flag('text') ? undefined : notJson(text);
  return found === undefined ? undefined : `not JSON (${found}): ${shortened(text)}`;
}

function notJson(text: string): string | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message.split('\n')[0]!.slice(0, 80) : String(error);
  }
}

function shortened(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
