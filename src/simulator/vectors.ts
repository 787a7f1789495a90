/** Embeddings: unit vectors, deterministic from the text. */
import { createHash } from 'node:crypto';

export function embedText(text: string, dimensions: number): readonly number[] {
  const numbers: number[] = [];
  for (let block = 0; numbers.length < dimensions; block++) {
    for (const byte of createHash('sha256').update(`${block}\n${text}`).digest())
      numbers.push(byte / 127.5 - 1);
  }
  const cut = numbers.slice(0, dimensions);
  const length = Math.hypot(...cut);
  return cut.map((value) => value / length);
}

export function base64Floats(vector: readonly number[]): string {
  const bytes = Buffer.alloc(vector.length * 4);
  for (const [index, value] of vector.entries()) bytes.writeFloatLE(value, index * 4);
  return bytes.toString('base64');
}
