/** The top level of a whole answer, for those who need a field or two of it. */
import type { ScannedBody } from '../../core/body.ts';
import { isObject } from '../../core/json.ts';
import { readField, scanBody } from '../../wire/json-scan.ts';

/** Under it the built-in parser is done with all of a body before ours has found its fields; over it, most of a body is one long text. */
const parsedBytes = 4_096;

export interface AnswerTop {
  read(name: string): unknown;
  /** A list with an object in it, as far as a look shows. */
  holdsObjects(name: string): boolean;
}

/** `undefined` where it cannot be read: reading it whole says why. */
export function readAnswerTop(bytes: Buffer): AnswerTop | undefined {
  try {
    return bytes.length <= parsedBytes
      ? parsed(JSON.parse(bytes.toString('utf8')))
      : scanned(scanBody(bytes));
  } catch {
    return undefined;
  }
}

function parsed(body: unknown): AnswerTop | undefined {
  if (!isObject(body)) return undefined;
  return {
    read: (name) => body[name],
    holdsObjects(name) {
      const value = body[name];
      return Array.isArray(value) && value.some(isObject);
    },
  };
}

function scanned(body: ScannedBody): AnswerTop {
  return {
    read: (name) => readField(body, name),
    holdsObjects(name) {
      const span = body.fields.get(name);
      if (span === undefined || body.latin1.charCodeAt(span.start) !== 0x5b) return false;
      const brace = body.latin1.indexOf('{', span.start);
      return brace >= 0 && brace < span.end;
    },
  };
}
