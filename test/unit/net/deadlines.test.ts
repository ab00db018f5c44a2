// Holds the deadlines to a sorted list, with limits of all lengths and commands that settle in between.
// Run by `npm test`. Time is a number here.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Deadlines } from '../../../src/net/deadlines.ts';
import { PLACE } from '../../../src/net/place.ts';
import type { Command } from '../../../src/net/types.ts';
import { SeededRandom } from '../../support/simulation/random.ts';

function command(deadline: number): Command {
  return {
    name: 'GET',
    frame: undefined,
    replyCount: 1,
    replyTypes: 255,
    asBytes: false,
    deadline,
    retry: false,
    failWhenDisconnected: false,
    place: PLACE.unsent,
    onReply: () => {},
    onFailure: () => {},
  };
}

describe('deadlines', () => {
  // `grain`: times are its multiples, so that many are equal. `every`: steps between two looks.
  for (const { title, grain, every } of [
    { title: 'with hundreds in flight', grain: 1, every: 50 },
    { title: 'with a handful in flight', grain: 1000, every: 1 },
  ]) {
    test(`give each command that is late once, and no settled one, ${title}`, () => {
      const random = new SeededRandom(9);
      const deadlines = new Deadlines();
      const open = new Set<Command>();
      let now = 0;
      for (let step = 0; step < 20_000; step++) {
        if (every > 1 || random.chance(0.6)) {
          const made = command(random.chance(0.7) ? now + 5000 : now + random.integer(1, 20_000 / grain) * grain);
          open.add(made);
          deadlines.add(made);
        }
        if (open.size > 0 && random.chance(0.5)) {
          const settled = [...open][random.integer(0, Math.min(open.size, 5) - 1)] as Command;
          settled.place = PLACE.settled;
          open.delete(settled);
        }
        now += every > 1 ? random.integer(0, 8) : random.integer(0, 1) * grain;
        if (step % every !== 0) continue;
        const late = [...open].filter(({ deadline }) => deadline <= now).map(({ deadline }) => deadline);
        const taken = deadlines.takeExpired(now);
        assert.deepEqual(
          taken.map(({ deadline }) => deadline).sort((a, b) => a - b),
          late.sort((a, b) => a - b),
        );
        for (const one of taken) {
          one.place = PLACE.settled;
          assert.ok(open.delete(one), 'given once, and not settled');
        }
        assert.equal(deadlines.next(), Math.min(Infinity, ...[...open].map(({ deadline }) => deadline)));
      }
    });
  }

  test('know nothing of commands without a limit', () => {
    const deadlines = new Deadlines();
    deadlines.add(command(Infinity));
    assert.equal(deadlines.next(), Infinity);
  });
});
