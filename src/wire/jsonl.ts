/**
 * Lines of JSON, cut out of bytes as they come. Works on bytes and looks for `\n` alone: U+2028, which is legal inside a JSON string,
 * ends no line here. A BOM in front, `\r` before the line's end and blank lines are taken off; the last line needs no end.
 *
 * A line over the bound is told without its text, so that one broken line does not cost all others, and its bytes are never held.
 */
export interface JsonLine {
  /** 1-based; blank lines count. */
  readonly number: number;
  /** Where it begins in the whole, in bytes, a BOM left out. */
  readonly at: number;
  /** Without its end. */
  readonly bytes: number;
  /** A view of the bytes that came, not a copy. `undefined`: the line is over the bound. */
  readonly text: Buffer | undefined;
}

const newline = 0x0a;
const carriageReturn = 0x0d;
const space = 0x20;

/** One line of a request holds its images inline, so megabytes are usual; beyond this nobody's API takes it. */
export const mostLineBytes = 32 * 1024 * 1024;

export class LineSplitter {
  readonly #mostBytes: number;
  /** Pieces of a line whose end has not come; joined once, so that a long line costs no more than its length. */
  #pieces: Buffer[] = [];
  #pieceBytes = 0;
  #number = 0;
  /** Where the line that is open began. */
  #at = 0;

  constructor(mostBytes: number = mostLineBytes) {
    this.#mostBytes = mostBytes;
  }

  /** The lines that end in this chunk. */
  push(bytes: Uint8Array): JsonLine[] {
    const chunk = Buffer.isBuffer(bytes)
      ? bytes
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const lines: JsonLine[] = [];
    let from = 0;
    for (;;) {
      const end = chunk.indexOf(newline, from);
      if (end < 0) break;
      this.#close(chunk, from, end, lines);
      from = end + 1;
    }
    // Copied: a view would hold the whole chunk, and whoever reads into one buffer overwrites it.
    if (from < chunk.length) this.#keep(Buffer.from(chunk.subarray(from)));
    return lines;
  }

  /** The last line, where it has no end. */
  end(): JsonLine[] {
    const lines: JsonLine[] = [];
    if (this.#pieceBytes > 0) this.#close(Buffer.alloc(0), 0, 0, lines);
    return lines;
  }

  #keep(piece: Buffer): void {
    this.#pieceBytes += piece.length;
    if (this.#pieceBytes > this.#mostBytes) this.#pieces = [];
    else this.#pieces.push(piece);
  }

  #close(chunk: Buffer, from: number, end: number, lines: JsonLine[]): void {
    let text: Buffer | undefined;
    let bytes = end - from;
    if (this.#pieceBytes === 0) {
      text = chunk.subarray(from, end);
    } else {
      bytes += this.#pieceBytes;
      if (bytes <= this.#mostBytes) text = Buffer.concat([...this.#pieces, chunk.subarray(from, end)]);
      this.#pieces = [];
      this.#pieceBytes = 0;
    }
    const at = this.#at;
    this.#at = at + bytes + 1;
    this.#number += 1;
    if (text === undefined || bytes > this.#mostBytes)
      lines.push({ number: this.#number, at, bytes, text: undefined });
    else this.#trim(text, at, lines);
  }

  #trim(whole: Buffer, at: number, lines: JsonLine[]): void {
    const number = this.#number;
    const begin = number === 1 && whole[0] === 0xef && whole[1] === 0xbb && whole[2] === 0xbf ? 3 : 0;
    let end = whole.length;
    if (end > begin && whole[end - 1] === carriageReturn) end -= 1;
    if (isBlank(whole, begin, end)) return;
    const text = begin === 0 && end === whole.length ? whole : whole.subarray(begin, end);
    lines.push({ number, at: at + begin, bytes: end - begin, text });
  }
}

function isBlank(text: Buffer, from: number, end: number): boolean {
  for (let index = from; index < end; index++) {
    const byte = text[index] ?? 0;
    if (byte > space || (byte !== space && byte !== 0x09 && byte !== carriageReturn)) return false;
  }
  return true;
}

/** The lines of a stream, in handfuls: those of one chunk at a time. */
export async function* splitLines(
  chunks: AsyncIterable<Uint8Array>,
  mostBytes: number = mostLineBytes,
): AsyncGenerator<readonly JsonLine[], void, undefined> {
  const splitter = new LineSplitter(mostBytes);
  for await (const chunk of chunks) {
    const lines = splitter.push(chunk);
    if (lines.length > 0) yield lines;
  }
  const last = splitter.end();
  if (last.length > 0) yield last;
}

/** `undefined` where the line is too long or no JSON: what that means is the reader's to say. */
export function parseLine(line: JsonLine): unknown {
  if (line.text === undefined) return undefined;
  try {
    return JSON.parse(line.text.toString('utf8'));
  } catch {
    return undefined;
  }
}
