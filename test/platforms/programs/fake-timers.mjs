// The text of a test for Jest and Vitest: with fake timers on, connecting, publishing and closing still work.

/** `head` imports the runner's own functions; `fake` switches its timers. */
export function fakeTimersTest(head, fake) {
  return `${head}
test('connect, publish, receive and close with fake timers', async () => {
  ${fake}
  const client = new AshRedisClient({ url: process.env.PLATFORM_URL });
  await client.connect();
  const subscription = client.subscribe('fake:timers', { codec: jsonCodec });
  await subscription.ready;
  expect(await client.publish('fake:timers', { n: 1 })).toBeGreaterThan(0);
  for await (const { data } of subscription) {
    expect(data).toEqual({ n: 1 });
    break;
  }
  const publisher = new AshRedisDataPublisher('p', 'ashredis://x', { url: process.env.PLATFORM_URL });
  await publisher.publish({ __dagserver_key: 'fake:timers', n: 2 });
  await publisher.stop();
  expect(await client.get('fake:timers')).toBe('{"n":2}');
  expect(await client.del('fake:timers')).toBe(1);
  await client.close();
}, 15000);
`;
}
