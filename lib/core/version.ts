/** The version of this package. `npm version` writes it here (test/version.mjs), and a test compares it with package.json. */
export const VERSION = '0.1.0';
