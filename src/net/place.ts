// Where a command is on its way. Written by the command queue alone, into `Command.place`.
// Data only.

/** 0: in no queue yet. `again`: it was handed over, and waits to be sent once more. */
export const PLACE = { unsent: 1, sent: 2, settled: 3, again: 4 } as const;
