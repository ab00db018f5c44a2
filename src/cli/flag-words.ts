// Messages of the library name its options; who types a command line has flags. Called where the commands print errors.
// Pure. A message that is not known here stays as it is; it must never add a value.

/** What the library calls it and what the command line does. The empty text is advice that no flag can follow. */
const FLAGS: readonly (readonly [RegExp, string])[] = [
  [/"connectTimeoutMs" and "commandTimeoutMs"|"(connect|command)TimeoutMs"/, '--timeout'],
  [/, or raise "heartbeatTimeoutMs"/, ''],
  [/"path" or a unix:\/\/ "url"/, 'a unix:// URL'],
  [/"host" or "port"/, '--host or --port'],
  [/configuration key "(host|port|region|db)"/, '--$1'],
  [/a different "password"/, 'a different ASHREDIS_PASSWORD'],
  [/a different "username"/, 'a different --user'],
  [/a different "(host|port|db)"/, 'a different --$1'],
  [/"username" without "password": give both/, '--user without a password: set ASHREDIS_PASSWORD'],
  [/"username" and "password"/, '--user and ASHREDIS_PASSWORD, or those in the URL'],
  [/check "db"/, 'check --db'],
  [/and "dialect"/, 'and --dialect'],
  [/dialect: "auto" or "(resp|ashredis)"/, '--dialect auto or $1'],
  [/dialect "ashredis"/, '--dialect ashredis'],
  [/credentials or "db"/, 'a password or --db'],
  [/leave "tls" out/, 'leave --tls out'],
  [/rediss:\/\/ or tls: true/, 'rediss:// or --tls'],
  [/, or set tls: \{ servername \}/, ''],
  [/as tls: \{ ca \}/, 'with --cacert FILE'],
  [/delivery:? "latest"/, '--latest'],
  [/kind "pattern"/, '--pattern'],
  [/"nx" and "xx"/, '--nx and --xx'],
  [/ttlSeconds: found/, '--ttl: found'],
  [/ \(see "maxLineBytes"\)/, ''],
  [/, or use "waitOnFirstConnect"/, ''],
  [/, or use retry: "always" where twice does no harm/, ''],
  [/set a password, or allow it on purpose with unprotected/, 'set ASHREDIS_PASSWORD, or use --unprotected on purpose'],
];

/** The message with the words of the command line. `url` is where the URL came from. */
export function inFlags(message: string, url = '--url'): string {
  const text = FLAGS.reduce((said, [words, flag]) => said.replace(words, flag), message);
  return text.replace(/(configuration key )?"url"/, url);
}
