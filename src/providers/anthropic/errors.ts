/** Anthropic’s own API has no error words beyond those of the protocol. */
import type { ErrorRow } from '../families/error-table.ts';

export const errorRows: readonly ErrorRow[] = [];
