/**
 * A JSON object that arrives in pieces and holds one long array: `{"a":1,"requests":[{…},{…}],"b":2}`. The array's elements come out one
 * by one as their bytes arrive, the other members are kept as text. So a submission of 256 MB needs the memory of its largest element.
 *
 * An element comes out on one line: line breaks between its tokens become spaces, and one inside a string, which JSON does not allow, is
 * refused. Brackets and strings are followed; what is between them is checked by whoever parses the element.
 */
import { GatewayError } from '../core/errors.ts';
import { maxDepth } from './json-scan.ts';

export interface EnvelopeLimits {
  readonly elementBytes: number;
  /** Of all other members together. */
  readonly fieldBytes: number;
}

/** Where in the object a byte is. */
type Place = 'start' | 'key' | 'colon' | 'value' | 'array' | 'comma' | 'element' | 'element-comma' | 'end';

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;

export class EnvelopeSplitter {
  /** JSON text of every member but the array. Complete once `finish` has returned. */
  readonly fields = new Map<string, string>();
  readonly #arrayKey: string;
  readonly #limits: EnvelopeLimits;
  #place: Place = 'start';
  #key = '';
  #sawArray = false;
  #mayClose = false;
  #held: Buffer[] = [];
  #heldBytes = 0;
  #fieldBytes = 0;
  #elements = 0;
  /** Open brackets of the value that is being read. */
  #closers: number[] = [];
  #inString = false;
  #escaped = false;
  /** Offset of the chunk in the whole, for messages. */
  #offset = 0;

  constructor(arrayKey: string, limits: EnvelopeLimits) {
    this.#arrayKey = arrayKey;
    this.#limits = limits;
  }

  /** Elements so far. */
  get elements(): number {
    return this.#elements;
  }

  get sawArray(): boolean {
    return this.#sawArray;
  }

  /** The elements that these bytes complete. Throws `invalid_request`. */
  push(chunk: Uint8Array): readonly Buffer[] {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const out: Buffer[] = [];
    let at = 0;
    while (at < bytes.length) at = this.#step(bytes, at, out);
    this.#offset += bytes.length;
    return out;
  }

  /** Throws unless the object is complete. */
  finish(): void {
    if (this.#place !== 'end') throw this.#wrong('more: the body ended too early', 0);
  }

  #step(bytes: Buffer, at: number, out: Buffer[]): number {
    switch (this.#place) {
      case 'key':
      case 'value':
      case 'element':
        return this.#read(bytes, at, out);
      default:
        break;
    }
    const byte = bytes[at] ?? 0;
    if (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) return at + 1;
    switch (this.#place) {
      case 'start':
        if (byte !== openBrace) throw new GatewayError('invalid_request', 'The body must be a JSON object.');
        this.#place = 'comma';
        this.#mayClose = true;
        return at + 1;
      case 'comma':
        return this.#beginKey(byte, at);
      case 'colon':
        if (byte !== 0x3a) throw this.#wrong('":"', at);
        this.#place = 'array';
        return at + 1;
      case 'array':
        return this.#beginValue(byte, at);
      case 'element-comma':
        return this.#beginElement(byte, at);
      default:
        throw this.#wrong('the end of the body', at);
    }
  }

  /** After `{`, after a member. `mayClose`: right after `{`, where no comma goes before a key. */
  #beginKey(byte: number, at: number): number {
    if (byte === closeBrace) {
      if (this.#afterComma) throw this.#wrong('a key in double quotes', at);
      this.#place = 'end';
      return at + 1;
    }
    if (byte === comma && !this.#mayClose && !this.#afterComma) {
      this.#afterComma = true;
      return at + 1;
    }
    if (!this.#mayClose && !this.#afterComma) throw this.#wrong('"," or "}"', at);
    if (byte !== quote) throw this.#wrong('a key in double quotes', at);
    this.#afterComma = false;
    this.#mayClose = false;
    this.#place = 'key';
    return at;
  }
  #afterComma = false;

  #beginValue(byte: number, at: number): number {
    if (this.#key !== this.#arrayKey) {
      this.#place = 'value';
      return at;
    }
    if (this.#sawArray)
      throw new GatewayError('invalid_request', `The body has the key "${this.#arrayKey}" twice.`);
    if (byte !== openBracket)
      throw new GatewayError('invalid_request', `"${this.#arrayKey}" must be an array.`, {
        param: this.#arrayKey,
      });
    this.#sawArray = true;
    this.#place = 'element-comma';
    this.#mayClose = true;
    return at + 1;
  }

  #beginElement(byte: number, at: number): number {
    if (byte === closeBracket) {
      if (this.#afterComma) throw this.#wrong('an element', at);
      this.#place = 'comma';
      this.#mayClose = false;
      return at + 1;
    }
    if (byte === comma && !this.#mayClose && !this.#afterComma) {
      this.#afterComma = true;
      return at + 1;
    }
    if (!this.#mayClose && !this.#afterComma) throw this.#wrong('"," or "]"', at);
    const param = `${this.#arrayKey}.${this.#elements}`;
    if (byte !== openBrace)
      throw new GatewayError('invalid_request', `${param}: every element must be an object.`, { param });
    this.#afterComma = false;
    this.#mayClose = false;
    this.#place = 'element';
    return at;
  }

  /** A key, a value or an element: to its end, or to the end of the chunk. */
  #read(bytes: Buffer, from: number, out: Buffer[]): number {
    let at = from;
    for (; at < bytes.length; at++) {
      const byte = bytes[at] ?? 0;
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false;
        else if (byte === backslash) this.#escaped = true;
        else if (byte === quote) {
          this.#inString = false;
          if (this.#closers.length === 0) return this.#end(bytes, from, at + 1, out);
        } else if (byte === 0x0a || byte === 0x0d) throw this.#wrong('no line break inside a string', at);
        continue;
      }
      if (byte === quote) this.#inString = true;
      else if (byte === openBrace || byte === openBracket) this.#open(byte);
      else if (byte === closeBrace || byte === closeBracket) {
        // Nothing is open: the bracket is of the object around a bare word.
        if (this.#closers.length === 0) return this.#end(bytes, from, at, out);
        if (this.#closers.pop() !== byte) throw this.#wrong('a matching bracket', at);
        if (this.#closers.length === 0) return this.#end(bytes, from, at + 1, out);
      } else if (byte === comma && this.#closers.length === 0) return this.#end(bytes, from, at, out);
      // The chunk belongs to the socket that gave it up; nobody else reads it.
      else if (byte === 0x0a || byte === 0x0d) bytes[at] = 0x20;
    }
    this.#hold(bytes.subarray(from, at), true);
    return at;
  }

  #open(byte: number): void {
    this.#closers.push(byte + 2);
    if (this.#closers.length > maxDepth)
      throw new GatewayError('invalid_request', `The body is nested over ${maxDepth} levels deep.`);
  }

  #end(bytes: Buffer, from: number, to: number, out: Buffer[]): number {
    this.#hold(bytes.subarray(from, to), false);
    const whole = this.#held.length === 1 ? (this.#held[0] ?? bytes) : Buffer.concat(this.#held);
    this.#held = [];
    this.#heldBytes = 0;
    if (this.#place === 'element') {
      out.push(whole);
      this.#elements += 1;
      this.#place = 'element-comma';
    } else if (this.#place === 'key') {
      this.#key = String(this.#parse(whole));
      this.#place = 'colon';
    } else {
      this.#addField(whole);
      this.#place = 'comma';
    }
    return to;
  }

  #addField(whole: Buffer): void {
    const shown = JSON.stringify(this.#key.slice(0, 100));
    if (this.fields.has(this.#key))
      throw new GatewayError('invalid_request', `The body has the key ${shown} twice.`);
    this.#fieldBytes += whole.length;
    this.#parse(whole);
    this.fields.set(this.#key, whole.toString('utf8'));
  }

  #parse(whole: Buffer): unknown {
    try {
      return JSON.parse(whole.toString('utf8'));
    } catch {
      const what =
        this.#place === 'key' ? 'A key' : `The value of ${JSON.stringify(this.#key.slice(0, 100))}`;
      throw new GatewayError('invalid_request', `${what} is not valid JSON.`);
    }
  }

  #hold(piece: Buffer, copy: boolean): void {
    this.#heldBytes += piece.length;
    const limit =
      this.#place === 'element' ? this.#limits.elementBytes : this.#limits.fieldBytes - this.#fieldBytes;
    if (this.#heldBytes > limit) {
      const what =
        this.#place === 'element' ? `${this.#arrayKey}.${this.#elements}` : 'All but the requests together';
      throw new GatewayError('request_too_large', `${what}: over ${limit} bytes.`);
    }
    // A copy, where it is kept past the chunk: a view would keep the whole read alive.
    if (piece.length > 0) this.#held.push(copy ? Buffer.from(piece) : piece);
  }

  #wrong(wanted: string, at: number): GatewayError {
    return new GatewayError(
      'invalid_request',
      `The body is not valid JSON: expected ${wanted} at byte ${this.#offset + at}.`,
    );
  }
}
