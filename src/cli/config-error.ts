/** What a user can mend; the message is for the user as it stands. In a file of its own, so that small commands need not load the gateway. */
export class ConfigError extends Error {}
