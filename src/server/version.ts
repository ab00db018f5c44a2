// Versions that the server tells about itself. Data only.

/** The Redis whose replies and error texts are followed. Clients look at it to choose features. */
export const COMPATIBLE_VERSION = '7.0.15';

/** The version of this package. */
export const PACKAGE_VERSION = '0.1.0';
