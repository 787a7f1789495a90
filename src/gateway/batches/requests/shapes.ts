/**
 * Lines of the batches that single requests are gathered into: `{custom_id, headers, body}`, written by us. A shape for each dialect, so that
 * answers that may pass through, or be used again, are always of the caller's own.
 *
 * There is no way in: no caller knows of these batches, and nobody fetches their results as files.
 */
import type { BatchShape, Line } from '../../../batch/shape/contract.ts';
import { isObject } from '../../../core/json.ts';
import type { QueuedState } from '../../../queue/contract.ts';
import { readField } from '../../../wire/json-scan.ts';
import type { AnyDialect, ChatDialect, EmbeddingDialect } from '../../dialects/contract.ts';
import { createItemCall } from '../item-call.ts';
import { findCustomId, inspectInner, readCustomId, scanLine } from '../read-line.ts';

const idPrefix = 'gathered_';

const shapePrefix = 'requests:';
/** The shape of requests in a dialect, by its id; and back. */
export const shapeIdOf = (dialect: string): string => `${shapePrefix}${dialect}`;
export const dialectOf = (shapeId: string): string => shapeId.slice(shapePrefix.length);

export function createRequestShapes(dialects: readonly AnyDialect[]): readonly BatchShape[] {
  return dialects.flatMap((dialect) => (dialect.operation === 'count-tokens' ? [] : [shapeOf(dialect)]));
}

function shapeOf(dialect: ChatDialect | EmbeddingDialect): BatchShape {
  return {
    id: shapeIdOf(dialect.id),
    protocols: [dialect.protocol],
    idPrefix,
    unlisted: true,
    readLine(bytes): Line {
      const { outer, inner } = scanLine(bytes, 'body');
      const headers = readField(outer, 'headers');
      return {
        customId: readCustomId(outer),
        body: inner,
        facts: inspectInner(dialect, inner, 'body'),
        ...(isObject(headers) ? { headers: textsOf(headers) } : {}),
      };
    },
    customIdOf: (bytes) => findCustomId(bytes, 'body'),
    call: (line, context) => createItemCall(dialect, line, context),
    // Where nothing is listed nothing is written; a line is still a line.
    writeResult: ({ customId }) => ({ output: 'output', line: JSON.stringify({ custom_id: customId }) }),
  };
}

function textsOf(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(fields).flatMap(([name, text]) => (typeof text === 'string' ? [[name, text]] : [])),
  );
}

const lineBreak = /[\r\n]/;

/**
 * A line as the shape reads it, its end included. A body may have been written over many; in JSON a raw line break is white space. One that
 * was cancelled keeps its place, without what it asked: its item is refused and costs nothing.
 */
export function writeRequestLine(request: {
  readonly id: string;
  readonly state: QueuedState;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}): Buffer {
  const { id, headers, state } = request;
  if (state === 'cancelled') return Buffer.from(`${JSON.stringify({ custom_id: id })}\n`);
  const body = Buffer.from(request.body.buffer, request.body.byteOffset, request.body.byteLength);
  const text = body.toString('latin1');
  const flat = lineBreak.test(text) ? Buffer.from(text.replace(/[\r\n]/g, ' '), 'latin1') : body;
  const more = Object.keys(headers).length === 0 ? '' : `"headers":${JSON.stringify(headers)},`;
  return Buffer.concat([
    Buffer.from(`{"custom_id":${JSON.stringify(id)},${more}"body":`),
    flat,
    Buffer.from('}\n'),
  ]);
}
