// Colours, numbers and durations as people read them. Pure; called by every command.

import type { Output } from './context.ts';

const CODES = { bold: '1', dim: '2', red: '31', green: '32', yellow: '33', cyan: '36' } as const;

/** Wraps text in an ANSI colour where the output wants colours. */
export function paint(output: Output, color: keyof typeof CODES, text: string): string {
  return output.hasColor ? `\u001b[${CODES[color]}m${text}\u001b[0m` : text;
}

/** What a terminal would act on is shown instead of done: payloads come from others. */
export function printable(text: string): string {
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, (character) => {
    return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
}

/** The same for a name, which stands on one line. */
export function printableName(text: string): string {
  return printable(text).replace(/[\t\n]/g, (character) => (character === '\t' ? '\\t' : '\\n'));
}

/** Where many messages stand in one table, none says where its paragraph is. */
export function withoutLink(message: string): string {
  return message.replace(/ \(docs\/errors\.md#[\w-]+\)$/, '');
}

/** `1234567` as `1,234,567`. */
export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** `1536` as `1.5 KiB`. */
export function bytes(value: number): string {
  if (value < 1024) return `${Math.round(value)} B`;
  const units = ['KiB', 'MiB', 'GiB', 'TiB'];
  let rest = value;
  let unit = -1;
  while (rest >= 1024 && unit < units.length - 1) {
    rest /= 1024;
    unit++;
  }
  return `${rest.toFixed(rest < 10 ? 1 : 0)} ${units[unit]}`;
}

/** Milliseconds as `0.42 ms`, `12 ms` or `1.5 s`. */
export function duration(ms: number): string {
  if (ms < 10) return `${ms.toFixed(2)} ms`;
  if (ms < 1000) return `${ms.toFixed(ms < 100 ? 1 : 0)} ms`;
  return `${(ms / 1000).toFixed(1)} s`;
}

/** Epoch milliseconds as the local time of day, to the millisecond. */
export function timeOfDay(epochMs: number): string {
  const date = new Date(epochMs);
  const two = (value: number) => String(value).padStart(2, '0');
  const ms = String(date.getMilliseconds()).padStart(3, '0');
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${ms}`;
}

/** Cut or filled to so many columns of a terminal, with an ellipsis where something is missing. */
export function fit(text: string, width: number): string {
  const room = columnsOf(text) <= width ? width : width - 1;
  let kept = '';
  let used = 0;
  for (const character of text) {
    const columns = columnsOf(character);
    if (used + columns > room) break;
    kept += character;
    used += columns;
  }
  return `${kept}${room < width ? '…' : ''}${' '.repeat(Math.max(0, room - used))}`;
}

/** Terminals give East Asian characters and emoji two columns, and marks on a character none. */
function columnsOf(text: string): number {
  const wide =
    /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1f64f}\u{1f680}-\u{1f6ff}\u{1f900}-\u{1faff}\u{20000}-\u{3fffd}]/gu;
  return [...text.replace(/\p{Mn}|\u200d|\ufe0f/gu, '').replace(wide, '..')].length;
}

/** The value below which a share of the sorted numbers lies. */
export function percentile(sorted: readonly number[], share: number): number {
  if (sorted.length === 0) return Number.NaN;
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)]!;
}
