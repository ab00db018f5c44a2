// Shows what the demo's subscriber receives: a table that updates in a terminal, plain lines when piped.
// Called by subscriber-process.ts, the only process that writes while the demo runs.

import type { Reading } from './messages.ts';

export interface KeyRow {
  readonly region: string;
  readonly key: string;
  readonly ttlSeconds: number;
  readonly value: string;
}

/** What is known now. */
export interface ViewState {
  readonly shownAddress: string;
  readonly channel: string;
  readonly elapsedSeconds: number;
  readonly seconds: number;
  readonly link: string;
  readonly received: number;
  readonly missing: number;
  readonly offset: number;
  readonly reading: Reading | undefined;
  readonly ageMs: number;
  readonly keys: readonly KeyRow[];
  readonly events: readonly string[];
}

export interface View {
  message(offset: number, reading: Reading): void;
  keys(rows: readonly KeyRow[]): void;
  event(text: string): void;
  /** Draws now; only a terminal needs it. */
  draw(state: ViewState): void;
  end(state: ViewState): void;
}

export function viewFor(stream: NodeJS.WriteStream, env: NodeJS.ProcessEnv): View {
  return stream.isTTY === true && env.TERM !== 'dumb' ? new TableView(stream, env) : new LineView(stream);
}

/** One line a message; keys once a second. */
class LineView implements View {
  readonly #stream: NodeJS.WriteStream;
  #keysShownAt = 0;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  message(offset: number, reading: Reading): void {
    const { load, memory, cpuPercent, eventLoopMs } = reading;
    const cpu = cpuPercent.map((percent) => `${percent}%`).join(' ');
    this.#line(
      `#${offset} load ${load[0].toFixed(2)}, memory ${gib(memory.usedBytes)} of ${gib(memory.totalBytes)} GiB, cpu ${cpu}, event loop p99 ${eventLoopMs.p99} ms`,
    );
  }

  keys(rows: readonly KeyRow[]): void {
    if (performance.now() - this.#keysShownAt < 1000) return;
    this.#keysShownAt = performance.now();
    for (const { region, key, ttlSeconds, value } of rows) {
      this.#line(`   ${region} ${key} (${ttlSeconds} s to live) ${value}`);
    }
  }

  event(text: string): void {
    this.#line(`*** ${text}`);
  }

  draw(): void {}

  end(): void {}

  #line(text: string): void {
    this.#stream.write(`${text}\n`);
  }
}

class TableView implements View {
  readonly #stream: NodeJS.WriteStream;
  readonly #hasColor: boolean;
  #drawnRows = 0;

  constructor(stream: NodeJS.WriteStream, env: NodeJS.ProcessEnv) {
    this.#stream = stream;
    this.#hasColor = env.NO_COLOR === undefined || env.NO_COLOR === '';
  }

  message(): void {}

  keys(): void {}

  event(): void {}

  draw(state: ViewState): void {
    const width = Math.max(40, this.#stream.columns ?? 80);
    const rows = this.#rows(state, width).slice(0, Math.max(10, (this.#stream.rows ?? 40) - 1));
    // Back to the first row of the last table; each row clears what is left of the old one.
    const up = this.#drawnRows > 0 ? `\u001b[${this.#drawnRows}A` : '';
    this.#stream.write(`\u001b[?25l${up}${rows.map((row) => `${row}\u001b[K\n`).join('')}\u001b[J`);
    this.#drawnRows = rows.length;
  }

  end(state: ViewState): void {
    this.draw(state);
    this.#stream.write('\u001b[?25h');
  }

  #rows(state: ViewState, width: number): string[] {
    const cut = (text: string) => (text.length > width ? `${text.slice(0, width - 1)}…` : text);
    const { reading } = state;
    const link = state.link === 'ready' ? this.#paint('32', 'ready') : this.#paint('31', state.link);
    const time = `${state.elapsedSeconds.toFixed(1)} of ${state.seconds} s`;
    const rows = [
      `${this.#paint('1', 'ashredis demo')}  ${state.shownAddress}  ${time}  link ${link}`,
      '',
      this.#paint('1', cut(`CHANNEL ${state.channel}`)),
      cut(
        `  received ${state.received}, missing ${state.missing}, newest #${state.offset}, ${Math.round(state.ageMs)} ms old`,
      ),
    ];
    if (reading !== undefined) {
      const { load, memory, cpuPercent, eventLoopMs } = reading;
      const used = (100 * memory.usedBytes) / memory.totalBytes;
      rows.push(`  ${'load'.padEnd(12)}${load.map((value) => value.toFixed(2)).join('  ')}`);
      rows.push(`  ${'memory'.padEnd(12)}${bar(used)} ${gib(memory.usedBytes)} of ${gib(memory.totalBytes)} GiB`);
      for (const [core, percent] of cpuPercent.slice(0, 16).entries()) {
        rows.push(`  ${`cpu ${core}`.padEnd(12)}${bar(percent)} ${percent} %`);
      }
      rows.push(`  ${'event loop'.padEnd(12)}mean ${eventLoopMs.mean} ms, p99 ${eventLoopMs.p99} ms`);
    }
    rows.push('', this.#paint('1', `${'KEYS'.padEnd(24)}${'REGION'.padEnd(12)}${'TTL'.padStart(4)}  VALUE`));
    for (const { key, region, ttlSeconds, value } of state.keys) {
      rows.push(cut(`  ${key.padEnd(22)}${region.padEnd(12)}${`${ttlSeconds} s`.padStart(4)}  ${value}`));
    }
    rows.push('', this.#paint('1', 'WHAT HAPPENED'));
    for (const event of state.events.slice(-8)) rows.push(cut(`  ${event}`));
    return rows;
  }

  #paint(code: string, text: string): string {
    return this.#hasColor ? `\u001b[${code}m${text}\u001b[0m` : text;
  }
}

function bar(percent: number): string {
  const filled = Math.max(0, Math.min(20, Math.round(percent / 5)));
  return '█'.repeat(filled) + '░'.repeat(20 - filled);
}

function gib(bytes: number): string {
  return (bytes / 1024 ** 3).toFixed(1);
}
