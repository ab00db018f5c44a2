// The door of the pub/sub room: the subscriber's connection and the sources of messages.
// Imported by the api room alone.

export { SubscriberConnection, type SubscriberConnectionInit } from './subscriber-connection.ts';
export * from './types.ts';
