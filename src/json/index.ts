// The door of the room for JSON of users' values.
// Imported by the rooms that encode them, api and codecs. No entry point shows it.

export { encodeJson } from './encode-json.ts';
