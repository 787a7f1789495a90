/** Anthropic's own API tells its limits as the protocol's family reads them; the clouds that host Claude tell none. */
export { createAnthropicLimitReader as createLimitReader } from '../families/anthropic-messages/limits.ts';
