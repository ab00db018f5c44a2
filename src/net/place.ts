// Where a command is on its way. Written by the command queue alone, into `Command.place`.
// Data only.

export const PLACE = { fresh: 0, unsent: 1, sent: 2, settled: 3 } as const;
