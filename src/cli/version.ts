// The version that `--version` prints. Data only; a test holds it equal to package.json.

export const PACKAGE_VERSION = '0.1.0';
