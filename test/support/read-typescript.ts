// How a child process reads our TypeScript: as this one does, by tsx or what scripts/test.ts has compiled.
// Used by the tests that start programs of the repository.

export const READ_TYPESCRIPT: readonly string[] = ['--import', process.env.ASHREDIS_READ_TYPESCRIPT ?? 'tsx'];
