/** What the lines of all shapes have in common: an object with a `custom_id` and, as one of its members, the request. */
import type { Line } from '../../batch/shape/contract.ts';
import type { ScannedBody } from '../../core/body.ts';
import { GatewayError } from '../../core/errors.ts';
import { readField, scanPair } from '../../wire/json-scan.ts';
import type { ChatDialect, EmbeddingDialect } from '../dialects/contract.ts';

/** OpenAI publishes no limit. Ids are keys of rows and come back in every result; longer ones are data in the wrong place. */
export const maxCustomIdLength = 512;

export function wrong(param: string, message: string): GatewayError {
  return new GatewayError('invalid_request', message, { param });
}

/** The member `innerKey` must be there, and be an object. */
export function scanLine(
  bytes: Buffer,
  innerKey: string,
): { readonly outer: ScannedBody; readonly inner: ScannedBody } {
  const { outer, inner } = scanPair(bytes, innerKey, 'line');
  if (inner !== undefined) return { outer, inner };
  throw wrong(
    innerKey,
    outer.fields.has(innerKey)
      ? `"${innerKey}" must be an object: the request itself.`
      : `"${innerKey}" is missing: the request itself, as an object.`,
  );
}

export function readCustomId(outer: ScannedBody): string {
  const value = readField(outer, 'custom_id');
  if (value === undefined || value === null)
    throw wrong('custom_id', '"custom_id" is missing: by it the result is found again.');
  if (typeof value !== 'string')
    throw wrong('custom_id', `"custom_id" must be a string, but it is ${kindOf(value)}.`);
  checkCustomId(value, 'custom_id');
  return value;
}

/** Of a line that is refused for something else. */
export function findCustomId(bytes: Buffer, innerKey: string): string | undefined {
  try {
    return readCustomId(scanPair(bytes, innerKey, 'line').outer);
  } catch (thrown) {
    if (thrown instanceof GatewayError) return undefined;
    throw thrown;
  }
}

/** `name` is the field's, for messages. */
export function checkCustomId(value: string, name: string): void {
  if (value === '') throw wrong(name, `"${name}" is empty: by it the result is found again.`);
  if (value.length > maxCustomIdLength)
    throw wrong(name, `"${name}" is ${value.length} characters long; the most is ${maxCustomIdLength}.`);
  // Half a surrogate pair has no UTF-8, and Postgres keeps no NUL: neither would come back as it went in.
  if (!value.isWellFormed() || value.includes('\u0000'))
    throw wrong(name, `"${name}" holds a NUL or half a surrogate pair, which cannot be kept.`);
}

/** The request, inspected in its dialect. What is wrong with it is named as seen from the line: `body.model`. */
export function inspectInner(
  dialect: ChatDialect | EmbeddingDialect,
  inner: ScannedBody,
  innerKey: string,
): Line['facts'] {
  try {
    const facts = dialect.inspect(inner);
    if (facts.stream)
      throw new GatewayError('invalid_request', '"stream" is true: results of a batch cannot be streamed.', {
        param: 'stream',
      });
    return facts;
  } catch (thrown) {
    if (!(thrown instanceof GatewayError) || thrown.param === undefined) throw thrown;
    throw new GatewayError(thrown.code, thrown.message, { param: `${innerKey}.${thrown.param}` });
  }
}

/**
 * What is asked must be there: a body without it would be paid for with a day's wait, only to be refused. All else is the provider's to
 * judge, as with a sync call.
 */
export function requireMessages({ fields, latin1 }: ScannedBody, innerKey: string): void {
  const span = fields.get('messages');
  const name = `${innerKey}.messages`;
  if (span === undefined) throw wrong(name, '"messages" is missing.');
  const text = latin1.slice(span.start, span.end);
  if (!text.startsWith('[')) throw wrong(name, '"messages" must be an array.');
  if (/^\[\s*\]$/.test(text)) throw wrong(name, '"messages" is empty; a request has at least one.');
}

export function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

/** The dialect that serves a path. A gateway without it cannot have been asked for it. */
export function dialectAt<D extends ChatDialect | EmbeddingDialect>(dialects: readonly D[], path: string): D {
  const found = dialects.find((dialect) => dialect.path === path);
  if (found === undefined) throw new GatewayError('unsupported', `Nothing here is asked at ${path}.`);
  return found;
}
