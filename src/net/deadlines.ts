// The time limits of commands: next to pass, and those that have passed.
// Used by the command queue. Pure: it is told the time. Most limits are equal and so expire in the order in which they
// were set; these stand in a ring. The others stand in a binary heap.

import { PLACE } from './place.ts';
import { Ring } from './ring.ts';
import type { Command } from './types.ts';

export class Deadlines {
  readonly #inOrder = new Ring<Command>();
  readonly #heap: Command[] = [];
  #latest = -Infinity;

  add(command: Command): void {
    const { deadline } = command;
    if (deadline === Infinity) return;
    // Settled commands leave here, one or two for each that comes: the ring holds about what is in flight.
    if (this.#head() === undefined || deadline >= this.#latest) {
      this.#latest = deadline;
      this.#inOrder.push(command);
    } else this.#pushHeap(command);
  }

  /** Infinity when no command has a limit. Settled commands at the front are let go of. */
  next(): number {
    const head = this.#head();
    while (this.#heap[0] !== undefined && this.#heap[0].place === PLACE.settled) this.#popHeap();
    return Math.min(head?.deadline ?? Infinity, this.#heap[0]?.deadline ?? Infinity);
  }

  /** The commands whose limit has passed; each is given once. */
  takeExpired(now: number): Command[] {
    const expired: Command[] = [];
    while (this.next() <= now) {
      const head = this.#inOrder.peek();
      if (head !== undefined && head.deadline <= now) expired.push(this.#inOrder.shift() as Command);
      else expired.push(this.#popHeap());
    }
    return expired;
  }

  #head(): Command | undefined {
    let head = this.#inOrder.peek();
    while (head !== undefined && head.place === PLACE.settled) {
      this.#inOrder.shift();
      head = this.#inOrder.peek();
    }
    return head;
  }

  #pushHeap(command: Command): void {
    const heap = this.#heap;
    let index = heap.length;
    heap.push(command);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent] as Command;
      if (above.deadline <= command.deadline) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = command;
  }

  #popHeap(): Command {
    const heap = this.#heap;
    const top = heap[0] as Command;
    const last = heap.pop() as Command;
    if (heap.length === 0) return top;
    let index = 0;
    for (;;) {
      let child = index * 2 + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && (heap[child + 1] as Command).deadline < (heap[child] as Command).deadline) child++;
      if ((heap[child] as Command).deadline >= last.deadline) break;
      heap[index] = heap[child] as Command;
      index = child;
    }
    heap[index] = last;
    return top;
  }
}
