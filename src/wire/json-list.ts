/**
 * A JSON object that holds one long list, such as `{"status": …, "results": […]}`, as its bytes come: each element is told as soon as it is
 * complete, and all that is around the list is kept, to be parsed at the end. So memory holds one element, however long the list is.
 *
 * Framing only: what is between the brackets of an element is for whoever parses it to check.
 */
import { GatewayError } from '../core/errors.ts';
import { isObject } from '../core/json.ts';
import { mostLineBytes } from './jsonl.ts';

export interface ListSplitter {
  /** The text of every element that these bytes complete. Throws `upstream_malformed` for one over the bound. */
  push(chunk: Uint8Array): readonly string[];
  /** The object with its list empty; `undefined` where it is no object, or was cut. */
  end(): Readonly<Record<string, unknown>> | undefined;
}

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;
/** Whatever else such an object says is short. */
const mostRestBytes = 1024 * 1024;

class Pieces {
  readonly #most: number;
  #pieces: Buffer[] = [];
  length = 0;

  constructor(most: number) {
    this.#most = most;
  }

  add(piece: Buffer): void {
    this.length += piece.length;
    if (this.length > this.#most)
      throw new GatewayError('upstream_malformed', `The answer holds a value of over ${this.#most} bytes.`);
    // A copy: holding a view would keep the whole read alive.
    if (piece.length > 0) this.#pieces.push(Buffer.from(piece));
  }

  text(from = 0, to = this.length): string {
    return Buffer.concat(this.#pieces).toString('utf8', from, to);
  }

  take(): string {
    const text = this.text();
    this.#pieces = [];
    this.length = 0;
    return text;
  }
}

/** `name` is the list's field at the top of the object. */
export function createListSplitter(name: string, mostElementBytes: number = mostLineBytes): ListSplitter {
  const rest = new Pieces(mostRestBytes);
  const element = new Pieces(mostElementBytes);
  /** 1 in the object, 2 in the list, 3 and more in an element of it. */
  let depth = 0;
  let inString = false;
  let escaped = false;
  let inList = false;
  /** An element has begun. */
  let open = false;
  /** Where the last string of the object's top lies in `rest`: in front of a bracket it is the field's name. */
  let nameFrom = 0;
  let nameTo = 0;

  const isList = (): boolean => depth === 1 && rest.text(nameFrom, nameTo) === JSON.stringify(name);

  function push(chunk: Uint8Array): readonly string[] {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const elements: string[] = [];
    /** Where what is not yet kept of this chunk begins. */
    let from = 0;
    const finish = (at: number): void => {
      if (open) element.add(bytes.subarray(from, at));
      if (open) elements.push(element.take());
      open = false;
    };
    for (let at = 0; at < bytes.length; at++) {
      const byte = bytes[at] ?? 0;
      if (inString) {
        if (escaped) escaped = false;
        else if (byte === backslash) escaped = true;
        else if (byte === quote) {
          inString = false;
          if (depth === 1) nameTo = rest.length + at + 1 - from;
        }
        continue;
      }
      if (inList && depth === 2 && !open && byte > 0x20 && byte !== comma && byte !== closeBracket) {
        open = true;
        from = at;
      }
      if (byte === quote) {
        inString = true;
        if (depth === 1) nameFrom = rest.length + at - from;
      } else if (byte === openBracket && !inList && depth === 1) {
        rest.add(bytes.subarray(from, at + 1));
        from = at + 1;
        inList = isList();
        depth = 2;
      } else if (byte === openBrace || byte === openBracket) depth += 1;
      else if (byte === closeBrace || byte === closeBracket) {
        depth -= 1;
        if (inList && depth === 1) {
          finish(at);
          inList = false;
          from = at;
        }
      } else if (byte === comma && inList && depth === 2) finish(at);
    }
    if (!inList) rest.add(bytes.subarray(from));
    else if (open) element.add(bytes.subarray(from));
    return elements;
  }

  return {
    push,
    end() {
      try {
        const whole: unknown = JSON.parse(rest.text());
        return isObject(whole) ? whole : undefined;
      } catch {
        return undefined;
      }
    },
  };
}
