/** A kept answer as one value: a line of JSON about it, then its bytes as they came. */
import { z } from 'zod';
import type { Kept } from '../contract.ts';

const head = z.strictObject({
  /** Values of another version of this program are not read. */
  v: z.literal(1),
  form: z.enum(['whole', 'stream']),
  atMs: z.number(),
  model: z.string(),
  /** Of the bytes behind the line: half a value is none. */
  length: z.int().min(0),
});

const newline = 0x0a;
/** No head is longer; what has no line end by then is not ours. */
const longestHead = 4096;

export function spell({ form, atMs, model, bytes }: Kept): Buffer {
  const about: z.output<typeof head> = { v: 1, form, atMs, model, length: bytes.byteLength };
  return Buffer.concat([Buffer.from(`${JSON.stringify(about)}\n`), bytes]);
}

/** `undefined` of what nobody here has written. */
export function readKept(value: Buffer): Kept | undefined {
  const end = value.subarray(0, longestHead).indexOf(newline);
  if (end < 0) return undefined;
  const about = head.safeParse(parse(value.toString('utf8', 0, end)));
  const bytes = value.subarray(end + 1);
  if (!about.success || about.data.length !== bytes.byteLength) return undefined;
  const { form, atMs, model } = about.data;
  return { form, bytes, atMs, model };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Told by the shape, which nothing has.
    return undefined;
  }
}
