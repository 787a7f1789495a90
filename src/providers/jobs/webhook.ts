/**
 * What the provider posts when a job is done: `{"batch_id", "results"}`, signed by `hex(HMAC-SHA256(secret, bytes of the body))`. There is no
 * time and no number in it, so it may be played back: whoever takes it must bear to see it twice, and ask for the job itself.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { asString, isObject } from '../../core/json.ts';

export interface SignedCall {
  /** The bytes as they came: JSON that was parsed and written again is signed otherwise. */
  readonly body: Uint8Array;
  /** Of the signature's header; absent: it had none. */
  readonly signature: string | undefined;
}

export const signWebhook = (secret: string, body: Uint8Array): string =>
  createHmac('sha256', secret).update(body).digest('hex');

/** Takes as long for a signature that is nearly right as for one that is all wrong. */
export function isSigned({ body, signature }: SignedCall, secret: string): boolean {
  const given = signature?.trim() ?? '';
  // An empty secret would sign for everybody.
  if (secret === '' || !/^[0-9a-f]{64}$/i.test(given)) return false;
  return timingSafeEqual(Buffer.from(given, 'hex'), Buffer.from(signWebhook(secret, body), 'hex'));
}

/** The job that a signed call tells of. `undefined`: the call is to be refused, and nothing of it is to be believed. */
export function readWebhook(call: SignedCall, secret: string): { readonly handle: string } | undefined {
  if (!isSigned(call, secret)) return undefined;
  try {
    const body: unknown = JSON.parse(Buffer.from(call.body).toString('utf8'));
    const handle = isObject(body) ? asString(body['batch_id']) : undefined;
    return handle === undefined || handle === '' ? undefined : { handle };
  } catch {
    return undefined;
  }
}
