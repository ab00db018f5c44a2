// The figures of `top`: rates, numbers that are missing, ages.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ChannelTable } from '../../../src/cli/channel-table.ts';

describe('the table of channels', () => {
  test('counts messages and bytes a second, and begins anew at each look', () => {
    const table = new ChannelTable();
    for (let index = 0; index < 6; index++) table.addMessage('a', 'é', 0);
    const [row] = table.rows(2);
    assert.deepEqual([row?.rate, row?.bytesPerSecond, row?.total], [3, 6, 6]);
    assert.deepEqual(
      table.rows(2).map(({ rate, total }) => [rate, total]),
      [[0, 6]],
    );
  });

  test('counts what is missing by the numbers of each publisher’s life', () => {
    const table = new ChannelTable();
    const send = (epoch: string, offset: number) =>
      table.addMessage('a', JSON.stringify({ epoch, offset, data: {} }), 0);
    send('one', 1);
    send('one', 2);
    send('one', 5);
    send('two', 7);
    send('two', 8);
    // What comes again, or late, is no hole.
    send('two', 8);
    send('two', 7);
    send('two', 9);
    const [row] = table.rows(1);
    assert.deepEqual([row?.gaps, row?.missed], [1, 2]);
    table.addGap({ channels: ['a', 'x'], from: 0, to: 1, cause: new Error('hole'), reason: 'counted', missed: 3 });
    assert.deepEqual([table.rows(1)[0]?.gaps, table.rows(1)[0]?.missed], [2, 5]);
  });

  test('takes the age from a time stamp in seconds, milliseconds or ISO form, also of a numbered message', () => {
    const at = Date.parse('2025-10-22T10:30:00Z');
    for (const payload of [
      { timestamp: at / 1000 },
      { ts: at },
      { time: '2025-10-22T10:30:00Z' },
      { epoch: 'e', offset: 1, data: { timestamp: at } },
    ]) {
      const table = new ChannelTable();
      table.addMessage('a', JSON.stringify(payload), at + 250);
      assert.equal(table.rows(1)[0]?.lagMs, 250, JSON.stringify(payload));
    }
    const table = new ChannelTable();
    table.addMessage('a', '{broken', at);
    for (const payload of ['[1]', 'null', '7', '{"timestamp":"soon"}', '{"timestamp":5}'])
      table.addMessage('a', payload, at);
    assert.equal(table.rows(1)[0]?.lagMs, null);
    table.addMessage('a', JSON.stringify({ ts: at + 1000 }), at);
    assert.equal(table.rows(1)[0]?.lagMs, 0, 'a clock that is ahead');
  });

  test('a lost link of its own is a gap of every channel it knows', () => {
    const table = new ChannelTable();
    table.addMessage('a', 'x', 0);
    table.addMessage('b', 'x', 0);
    table.addGap({ channels: ['*'], from: 0, to: 1, cause: new Error('cut'), reason: 'link-lost', missed: 'unknown' });
    assert.deepEqual(
      table.rows(1).map(({ gaps, missed }) => [gaps, missed]),
      [
        [1, 0],
        [1, 0],
      ],
    );
  });

  test('forgets a channel that is silent for long', () => {
    const table = new ChannelTable();
    table.addMessage('a', 'x', 0);
    for (let look = 0; look < 50; look++) table.rows(1);
    table.addMessage('a', 'x', 0);
    for (let look = 0; look < 60; look++) assert.equal(table.rows(1).length, 1);
    assert.equal(table.rows(1)[0]?.total, 2);
    assert.equal(table.rows(1).length, 0);
  });

  test('takes up no more than 10,000 channels, and of those it knows goes on counting', () => {
    const table = new ChannelTable();
    for (let index = 0; index < 10_001; index++) table.addMessage(`c${index}`, 'x', 0);
    table.addMessage('c0', 'x', 0);
    const rows = table.rows(1);
    assert.deepEqual([rows.length, rows[0]?.total], [10_000, 2]);
  });
});
