/** Result lines as the array of one JSON object, without holding them: a line is a value, so its end becomes a comma. */

const lineFeed = 0x0a;
const comma = Buffer.from(',');

export async function* writeResults(
  head: object,
  lines: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array | string, void, undefined> {
  yield `${JSON.stringify(head).slice(0, -1)},"results":[`;
  /** A line has ended, and whether another follows is not known yet. */
  let owed = false;
  let wrote = false;
  for await (const chunk of lines) {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let from = 0;
    while (from < bytes.length) {
      const end = bytes.indexOf(lineFeed, from);
      const piece = bytes.subarray(from, end < 0 ? bytes.length : end);
      if (piece.length > 0) {
        if (owed) yield comma;
        owed = false;
        wrote = true;
        yield piece;
      }
      if (end < 0) break;
      owed = wrote;
      from = end + 1;
    }
  }
  yield ']}';
}
