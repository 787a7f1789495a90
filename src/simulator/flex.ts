/** The flex tier of a stand-in: whether a call is served at it, as it asks or as a fault has it. */
import type { IncomingHttpHeaders } from 'node:http';
import type { Api } from './apis/contract.ts';
import type { Ask } from './brain.ts';
import type { Fault } from './faults.ts';

/** The call asks for the tier. */
export function asksFlex(
  api: Api,
  body: Readonly<Record<string, unknown>>,
  headers: IncomingHttpHeaders,
): boolean {
  return api.flex?.asked(body, headers) === true;
}

/** The tier that serves it. Where a call asks for flex, a fault may have it served, and billed, like all others. */
export function servedTier(asked: boolean, fault: Fault | undefined): Pick<Ask, 'tier'> {
  return asked && fault?.kind !== 'flex-as-standard' ? { tier: 'flex' } : {};
}
