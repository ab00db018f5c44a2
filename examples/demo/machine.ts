// Reads this machine: load, memory, CPU per core, delay of the event loop. Called by the demo's publisher.
// Everything is measured by node:os and node:perf_hooks; nothing is invented.

import { cpus, freemem, loadavg, totalmem } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Reading } from './messages.ts';

export class Machine {
  readonly #loop = monitorEventLoopDelay({ resolution: 5 });
  #before = busyTimes();

  constructor() {
    this.#loop.enable();
  }

  read(): Reading {
    const now = busyTimes();
    const cpuPercent = now.map(({ busy, total }, core) => {
      const before = this.#before[core] ?? { busy: 0, total: 0 };
      const share = total > before.total ? (busy - before.busy) / (total - before.total) : 0;
      return round(100 * share, 0);
    });
    this.#before = now;
    const [one = 0, five = 0, fifteen = 0] = loadavg();
    // Nanoseconds; without a sample yet, mean is NaN.
    const mean = Number.isNaN(this.#loop.mean) ? 0 : this.#loop.mean;
    const eventLoopMs = { mean: round(mean / 1e6, 2), p99: round(this.#loop.percentile(99) / 1e6, 2) };
    this.#loop.reset();
    return {
      timestamp: Date.now(),
      load: [round(one, 2), round(five, 2), round(fifteen, 2)],
      memory: { usedBytes: totalmem() - freemem(), totalBytes: totalmem() },
      cpuPercent,
      eventLoopMs,
    };
  }

  stop(): void {
    this.#loop.disable();
  }
}

function busyTimes(): { busy: number; total: number }[] {
  return cpus().map(({ times }) => {
    const total = times.user + times.nice + times.sys + times.idle + times.irq;
    return { busy: total - times.idle, total };
  });
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
