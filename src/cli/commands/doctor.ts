// `ashredis doctor`: looks at everything between here and a working subscriber. Called by `ashredis.ts`.
// Each line says ok, warning or wrong, and what to do. It must leave nothing behind on the server.

import { AshRedisClient } from '../../api/index.ts';
import { type CliCommand, EXIT, exitOnStop } from '../context.ts';
import { type Finding, wrong } from '../doctor/finding.ts';
import { checkGuideIssues } from '../doctor/guide-issues.ts';
import { checkLimits } from '../doctor/limits.ts';
import { checkNetwork, type Place, speaksTls } from '../doctor/network.ts';
import { checkClock, checkHandshake, checkLatency, checkPermissions, checkPubSub } from '../doctor/speech.ts';
import { chooseServer, SERVER_OPTIONS, type ServerChoice } from '../server-options.ts';
import { paint, printable } from '../text.ts';

const COLORS = { ok: 'green', warning: 'yellow', wrong: 'red', skipped: 'dim' } as const;

export const doctorCommand: CliCommand = {
  spec: {
    name: 'ashredis doctor',
    summary: 'Find out what is wrong between here and the server',
    usage: '[--json] [options]',
    words: [0, 0],
    options: [{ name: 'json', help: 'one JSON object with all findings' }, ...SERVER_OPTIONS],
    examples: [
      ['the server of the environment (ASHREDIS_URL), else localhost:6379', 'ashredis doctor'],
      [
        'over TLS, with a password from the environment',
        'ASHREDIS_PASSWORD=… ashredis doctor --url rediss://cache.example:6380',
      ],
    ],
    notes: [
      'Exit code 1 when something is wrong, 3 when the server can not be reached, 0 with warnings alone.',
      'It writes a few keys named ashredis:doctor:… that live for ten seconds, and deletes them.',
    ],
  },
  async run(args, context) {
    const choice = chooseServer(args, context);
    const findings: Finding[] = [];
    const json = args.flag('json');
    const report = (finding: Finding) => {
      // What fails because we were asked to stop is no finding.
      if (context.signal.aborted) return;
      findings.push(finding);
      if (json) return;
      const { out } = context;
      const mark = paint(out, COLORS[finding.level], finding.level.padEnd(7));
      void out.write(`${mark} ${paint(out, 'bold', finding.check)}: ${printable(finding.text)}\n`);
      if (finding.advice !== undefined)
        void out.write(`        ${paint(out, 'cyan', '->')} ${printable(finding.advice)}\n`);
    };
    const client = new AshRedisClient({ ...choice.options, reconnect: false, signal: context.signal });
    const place = placeOf(choice);
    if (!json)
      await context.out.write(`${paint(context.out, 'dim', `Looking at ${nameOf(place)} (from ${choice.source})`)}\n`);
    let isReached = false;
    try {
      isReached = await checkNetwork(place, report);
      const isReady = isReached && (await checkHandshake(client, report));
      if (isReached && !isReady && place.tls === undefined && (await speaksTls(place))) {
        report(wrong('tls', 'the server speaks TLS on this port', 'use --tls, or rediss:// in the URL'));
      }
      if (isReady) {
        for (const check of [checkPermissions, checkLatency, checkPubSub, checkClock, checkLimits, checkGuideIssues]) {
          if (context.signal.aborted) break;
          if ((await check(client, report)) === false) break;
        }
      }
    } finally {
      await client.close();
    }
    const count = (level: Finding['level']) => findings.filter((finding) => finding.level === level).length;
    const summary = { ok: count('ok'), warning: count('warning'), wrong: count('wrong'), skipped: count('skipped') };
    if (json) await context.out.write(`${JSON.stringify({ server: nameOf(place), summary, findings })}\n`);
    else await context.out.write(`${summary.ok} ok, ${summary.warning} warnings, ${summary.wrong} wrong\n`);
    const code = !isReached ? EXIT.unreachable : summary.wrong > 0 ? EXIT.failed : EXIT.ok;
    return exitOnStop(context, code);
  },
};

/** Host, port and TLS as the client will take them; the client's constructor has refused what is no address. */
function placeOf({ options }: ServerChoice): Place {
  const timeoutMs = options.connectTimeoutMs ?? 5000;
  const tls =
    options.tls === true ? {} : typeof options.tls === 'object' && options.tls !== null ? options.tls : undefined;
  if (typeof options.url !== 'string') {
    return { host: options.host ?? 'localhost', port: options.port ?? 6379, path: undefined, tls, timeoutMs };
  }
  const url = new URL(options.url);
  if (url.protocol === 'unix:') {
    return { host: '', port: 0, path: decodeURIComponent(url.host + url.pathname), tls, timeoutMs };
  }
  const host = url.hostname.replace(/^\[|\]$/g, '') || 'localhost';
  const isSecure = url.protocol === 'rediss:' || url.protocol === 'valkeys:';
  return { host, port: Number(url.port || 6379), path: undefined, tls: isSecure ? (tls ?? {}) : tls, timeoutMs };
}

function nameOf({ host, port, path, tls }: Place): string {
  return path ?? `${host.includes(':') ? `[${host}]` : host}:${port}${tls === undefined ? '' : ' over TLS'}`;
}
