/** A store that cannot be opened. The message is for the user as it stands, and never holds the password of an address. */
export class StoreError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'StoreError';
  }
}
