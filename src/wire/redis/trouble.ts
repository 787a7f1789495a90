/**
 * Errors of the Redis client, fit to be logged: it hangs the command onto them, and that of a failed login is the password. Whatever waits
 * for the connection fails with the same error.
 */
export function plainTrouble(thrown: unknown): Error {
  if (!(thrown instanceof Error)) return new Error('Redis does not answer');
  // Servers that do not know a command say what came with it.
  const plain = new Error(thrown.message.replace(/,? with args beginning with:.*$/s, ''));
  plain.name = thrown.name;
  return plain;
}

/** For promises: rejects with the same, plainly. */
export function failPlainly(thrown: unknown): never {
  throw plainTrouble(thrown);
}
