/** One range of bytes, as a download that broke off asks for the rest. Several at once are answered with the whole: RFC 9110 allows that. */

/** `to` is exclusive. */
export interface ByteRange {
  readonly from: number;
  readonly to: number;
}

/** `undefined`: the whole is wanted. `beyond`: nothing of the range is there. */
export function readRange(text: string | undefined, totalBytes: number): ByteRange | 'beyond' | undefined {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(text?.replaceAll(' ', '') ?? '');
  const first = match?.[1] ?? '';
  const last = match?.[2] ?? '';
  if (first === '' && last === '') return undefined;
  const from = first === '' ? Math.max(0, totalBytes - Number(last)) : Number(first);
  const to = first === '' || last === '' ? totalBytes : Math.min(totalBytes, Number(last) + 1);
  if (first !== '' && last !== '' && Number(last) < Number(first)) return undefined;
  return from >= to ? 'beyond' : { from, to };
}

/** Stops reading where the range ends. */
export async function* sliceBytes(
  bytes: AsyncIterable<Uint8Array>,
  from: number,
  to: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  let at = 0;
  for await (const chunk of bytes) {
    const start = Math.max(0, from - at);
    const end = Math.min(chunk.length, to - at);
    if (start < end) yield chunk.subarray(start, end);
    at += chunk.length;
    if (at >= to) return;
  }
}
