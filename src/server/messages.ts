// Error texts of Redis that more than one file sends. Data only.

export const OUT_OF_MEMORY = "OOM command not allowed when used memory > 'maxmemory'.";
