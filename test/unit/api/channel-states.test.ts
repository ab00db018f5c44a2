// The states of a subscription's channels, told in any order, are those of a plain map.
// Run by `npm test`. Pure.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ChannelStates } from '../../../src/api/channel-states.ts';
import { ReplyError } from '../../../src/errors/index.ts';
import type { SubscriptionStateName } from '../../../src/pubsub/index.ts';
import { SeededRandom } from '../../support/simulation/random.ts';

const NOPERM = new ReplyError('Cannot execute SUBSCRIBE: NOPERM', { code: 'NOPERM', command: 'SUBSCRIBE' });

function check(states: ChannelStates, model: Map<string, SubscriptionStateName>, where: string): void {
  const count = (state: SubscriptionStateName) => [...model.values()].filter((found) => found === state).length;
  assert.deepEqual(
    [states.pendingCount, states.activeCount, states.deniedCount],
    [count('pending'), count('active'), count('denied')],
    where,
  );
  assert.equal(states.refusal, count('denied') > 0 ? NOPERM : undefined, where);
  for (const [channel, state] of model) assert.equal(states.of(channel), state, `${where}, ${channel}`);
}

describe('the states of channels', () => {
  test('are right after 20,000 random changes', () => {
    const random = new SeededRandom(8);
    for (let world = 0; world < 400; world++) {
      const channels = Array.from({ length: random.integer(1, 6) }, (_, index) => `c${index}`);
      const states = new ChannelStates(channels);
      const model = new Map<string, SubscriptionStateName>(channels.map((channel) => [channel, 'pending']));
      const set = (channel: string, state: SubscriptionStateName) => {
        states.set(channel, state, state === 'denied' ? NOPERM : undefined);
        model.set(channel, state);
      };
      for (let step = 0; step < 50; step++) {
        // In order, as a link that comes and goes does it, or one by one.
        if (random.chance(0.2)) for (const channel of channels) set(channel, random.chance(0.5) ? 'active' : 'pending');
        else if (random.chance(0.3))
          for (const channel of channels) set(channel, step % 2 === 0 ? 'active' : 'pending');
        else set(random.pick(channels), random.pick(['pending', 'active', 'denied'] as const));
        check(states, model, `world ${world}, step ${step}`);
      }
    }
  });

  test('of a channel that is not one of them are none', () => {
    assert.equal(new ChannelStates(['a']).of('b'), undefined);
  });
});
