// MONITOR: every executed command as a line to those who asked for it. Called by the dispatcher and the line dialect,
// and only while somebody listens. It must never show a password, and as in Redis no command that administers.

import type { Command } from './command.ts';
import type { Session } from './session.ts';

const HIDDEN = new Set(['client|list', 'client|kill', 'client|no-evict']);
const ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '"': '\\"',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\x07': '\\a',
  '\b': '\\b',
};

/** As Redis shows an argument. */
function quoted(bytes: string): string {
  let text = '';
  for (let at = 0; at < bytes.length; at++) {
    const char = bytes[at] as string;
    const code = bytes.charCodeAt(at);
    const known = ESCAPES[char];
    if (known !== undefined) text += known;
    else text += code < 32 || code > 126 ? `\\x${code.toString(16).padStart(2, '0')}` : char;
  }
  return `"${text}"`;
}

/** Credentials of AUTH and HELLO are replaced. */
function withoutSecrets(name: string, args: readonly string[]): readonly string[] {
  if (name === 'auth') return args.map((arg, index) => (index === 0 ? arg : '(redacted)'));
  if (name !== 'hello') return args;
  const shown = [...args];
  for (let i = 2; i < shown.length; i++) {
    if (shown[i]?.toLowerCase() !== 'auth') continue;
    for (const secret of [i + 1, i + 2]) if (secret < shown.length) shown[secret] = '(redacted)';
    i += 2;
  }
  return shown;
}

/** Tells all monitors of a command that a session has executed. */
export function feedMonitors(session: Session, command: Command, args: readonly string[]): void {
  const { name, subcommands, flags } = command;
  const full = subcommands === undefined ? name : `${name}|${args[1]?.toLowerCase()}`;
  if (flags.includes('admin') || HIDDEN.has(full)) return;
  tellMonitors(session, withoutSecrets(name, args));
}

export function tellMonitors(session: Session, args: readonly string[]): void {
  const now = session.server.now();
  const time = `${Math.floor(now / 1000)}.${String(now % 1000).padStart(3, '0')}000`;
  const line = `+${time} [${session.database} ${session.address}] ${args.map(quoted).join(' ')}\r\n`;
  for (const monitor of session.server.monitors) monitor.tell(line);
}
