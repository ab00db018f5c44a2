// The door of the pub/sub room: the subscriber's connection and the sources of messages.
// Imported by the api room alone.

export { LatestSource, type LatestSourceInit } from './latest-source.ts';
export { PollingSource, type PollingSourceInit } from './polling-source.ts';
export { SubscriberConnection, type SubscriberConnectionInit } from './subscriber-connection.ts';
export * from './types.ts';
