/** By what a prompt cache would know a request's beginning again, asked for only by routes that go by it, and worked out once. */
import { createHash } from 'node:crypto';
import type { ScannedBody } from '../core/body.ts';
import { bytesPerToken } from '../core/estimate.ts';
import type { Conversation } from '../router/measures/contract.ts';
import type { Dialect, Opening } from './dialects/contract.ts';

/** Of each part, from its start and from its end: instructions may be megabytes, and that two differ in their middle alone is no mishap. */
const mostChars = 512;

type MayOpen = Dialect & { readonly opening?: (body: ScannedBody) => Opening };

export function conversationOf(
  dialect: MayOpen,
  body: ScannedBody,
  key: string | undefined,
): () => Conversation | undefined {
  let known: { readonly conversation: Conversation | undefined } | undefined;
  return () => {
    known ??= {
      conversation: dialect.opening === undefined ? undefined : identify(dialect.opening(body), key),
    };
    return known.conversation;
  };
}

function identify({ marker, prefix, first }: Opening, key = ''): Conversation | undefined {
  if (first === '' && marker === undefined) return undefined;
  const prefixId = hash([prefix]);
  // Two apps may both call something "main".
  const id = marker === undefined ? hash([prefix, first]) : hash([prefix, key, marker]);
  return { id, prefixId, prefixTokens: Math.floor(prefix.length / bytesPerToken) };
}

function hash(parts: readonly string[]): string {
  const sha = createHash('sha1');
  for (const part of parts) {
    sha.update(`${part.length}\n`);
    sha.update(part.length <= 2 * mostChars ? part : part.slice(0, mostChars) + part.slice(-mostChars));
  }
  return sha.digest('base64');
}
