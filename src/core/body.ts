/** A JSON body of which only the top level has been read. Made by `wire/json-scan.ts`. */

/** Offsets are byte offsets into `bytes`, which are also character offsets into `latin1`. */
export interface Span {
  readonly keyStart: number;
  readonly start: number;
  readonly end: number;
}

export interface ScannedBody {
  readonly bytes: Buffer;
  /** One character a byte. */
  readonly latin1: string;
  readonly fields: ReadonlyMap<string, Span>;
}

/** What must change in a body that is otherwise forwarded untouched. Values are JSON text. */
export interface BodyEdits {
  readonly set?: Readonly<Record<string, string>>;
  readonly remove?: readonly string[];
}
