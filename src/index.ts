// The door of `ashredis`: the classes of the guide, the client, the framework's classes, errors, codecs, types.
// Imported by users. Importing it opens nothing, starts nothing, reads nothing.

export * from './api/index.ts';
export * from './errors/index.ts';
