/** Collects a whole answer, bounded, and reads it as JSON. */
import { GatewayError } from '../core/errors.ts';

/** Answers with generated images or large embeddings batches reach tens of megabytes; above that it is an attack or a defect. */
const maxAnswerBytes = 64 * 1024 * 1024;

export interface Body {
  add(chunk: Buffer): void;
  bytes(): Buffer;
}

export function createBody(): Body {
  const chunks: Buffer[] = [];
  let total = 0;
  return {
    add(chunk) {
      total += chunk.length;
      if (total > maxAnswerBytes)
        throw new GatewayError(
          'upstream_malformed',
          `The provider’s answer is over ${maxAnswerBytes} bytes.`,
        );
      chunks.push(chunk);
    },
    bytes: () => (chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks, total)),
  };
}

export function readJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw new GatewayError('upstream_malformed', 'The provider’s answer is not valid JSON.', { cause });
  }
}
