/** Names of blobs, checked before any kind of store makes a path or an address of one. */
import { StoreError } from './store-error.ts';

/** Parts begin with a letter or a digit: none is `..`, none is hidden, and no key begins or ends with a slash. */
const keyPattern = /^[a-z0-9][a-z0-9._-]*(?:\/[a-z0-9][a-z0-9._-]*)*$/;
/** File systems take 255 bytes for a part and S3 1,024 for all; a temporary name must fit beside its part. */
const mostPartCharacters = 150;
const mostCharacters = 900;

export function checkBlobKey(key: string): void {
  const short =
    key.length <= mostCharacters && key.split('/').every((part) => part.length <= mostPartCharacters);
  if (short && keyPattern.test(key)) return;
  throw new StoreError(
    `${JSON.stringify(key.slice(0, 100))} cannot name a blob. Use lower-case letters, digits, "-", "_", "." and "/", each part beginning with a letter or a digit.`,
  );
}
