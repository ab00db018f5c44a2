// Prints one line a test file, each failure in full, every skip with its reason, and node's closing counts.
// Called by scripts/test.ts through `--test-reporter`. It must hide no failure.

import { relative } from 'node:path';

/** Node loads a reporter by its default export; there is no other way. */
// biome-ignore lint/style/noDefaultExport: the interface of node:test reporters
export default async function* report(source) {
  const files = new Map();
  const failures = [];
  const closing = [];
  for await (const { type, data } of source) {
    const file = data.file === undefined ? '' : relative(process.cwd(), data.file);
    const entry = files.get(file) ?? files.set(file, { passed: 0, failed: 0, skipped: 0, ms: 0 }).get(file);
    if (type === 'test:pass' || type === 'test:fail') {
      if (data.details?.type !== 'suite') {
        if (type === 'test:fail') entry.failed++;
        else if (data.skip !== undefined || data.todo !== undefined) entry.skipped++;
        else entry.passed++;
      }
      if (data.nesting === 0) entry.ms += data.details?.duration_ms ?? 0;
      if (data.skip !== undefined)
        yield `  skipped: ${data.name} (${data.skip === true ? 'no reason given' : data.skip})\n`;
      if (type === 'test:fail' && data.details?.error?.failureType !== 'subtestsFailed') {
        failures.push({ file, data });
        yield failureText(file, data);
      }
    } else if (type === 'test:diagnostic' && data.nesting === 0) {
      if (/^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) /.test(data.message))
        closing.push(data.message);
    } else if (type === 'test:stderr') {
      yield data.message;
    }
  }
  for (const [file, { passed, failed, skipped, ms }] of [...files].sort()) {
    if (file === '' || passed + failed + skipped === 0) continue;
    const parts = [`${passed} passed`];
    if (failed > 0) parts.push(`${failed} FAILED`);
    if (skipped > 0) parts.push(`${skipped} skipped`);
    yield `${failed > 0 ? 'x' : ' '} ${file}: ${parts.join(', ')} (${Math.round(ms)} ms)\n`;
  }
  if (failures.length > 0) {
    yield '\nFailed:\n';
    for (const { file, data } of failures) yield `  ${file}: ${data.name}\n`;
  }
  yield '\n';
  for (const line of closing) yield `# ${line}\n`;
}

function failureText(file, data) {
  const error = data.details?.error;
  const cause = error?.cause ?? error;
  const text = cause?.stack ?? cause?.message ?? String(cause);
  const at = data.line === undefined ? '' : `:${data.line}`;
  return `\nFAILED ${file}${at}: ${data.name}\n${text.replace(/^/gm, '    ')}\n\n`;
}
