/**
 * Lines and results as Anthropic's Message Batches have them: `{custom_id, params}`. Lines are our own writing, element by element of what
 * came in one body, so that each can carry the headers that the whole came with.
 */
import type { BatchShape, FinalItem, Line } from '../../../batch/shape/contract.ts';
import type { ScannedBody } from '../../../core/body.ts';
import { isObject } from '../../../core/json.ts';
import { readField } from '../../../wire/json-scan.ts';
import type { AnyDialect, ChatDialect } from '../../dialects/contract.ts';
import { createItemCall } from '../item-call.ts';
import {
  dialectAt,
  findCustomId,
  inspectInner,
  readCustomId,
  requireMessages,
  scanLine,
  wrong,
} from '../read-line.ts';
import { errorOf, itemId, oneLine, quote, writeFailure, writeProvenance } from '../result.ts';

export const endpoint = '/v1/messages';
export const shapeId = 'anthropic';
const idPrefix = 'msgbatch_';
const customIdForm = /^[a-zA-Z0-9_-]{1,64}$/;

export function createShape(all: readonly AnyDialect[]): BatchShape {
  const dialects = all.filter(
    (dialect): dialect is ChatDialect => dialect.operation === 'chat' && dialect.path === endpoint,
  );
  return {
    id: shapeId,
    protocols: dialects.map(({ protocol }) => protocol),
    idPrefix,
    readLine(bytes): Line {
      const { outer, inner, customId } = readElement(bytes);
      const facts = inspectInner(dialectAt(dialects, endpoint), inner, 'params');
      requireMessages(inner, 'params');
      const headers = readHeaders(outer);
      return { customId, body: inner, facts, ...(headers === undefined ? {} : { headers }) };
    },
    customIdOf: (bytes) => findCustomId(bytes, 'params'),
    call: (line, context) => createItemCall(dialectAt(dialects, endpoint), line, context),
    writeResult: (item) => ({
      // All results are in one file.
      output: 'output',
      line: writeLine(item, dialectAt(dialects, endpoint)),
    }),
  };
}

/** What Anthropic checks before it takes a batch; what is wrong with `params` is told in the results. */
export function readElement(bytes: Buffer): {
  readonly outer: ScannedBody;
  readonly inner: ScannedBody;
  readonly customId: string;
} {
  const { outer, inner } = scanLine(bytes, 'params');
  const customId = readCustomId(outer);
  if (!customIdForm.test(customId))
    throw wrong('custom_id', `"custom_id" must match ${customIdForm.source}.`);
  return { outer, inner, customId };
}

/** A line as `readLine` takes it. */
export function writeElement(
  { outer, inner }: ReturnType<typeof readElement>,
  headers: Readonly<Record<string, string>>,
): Buffer {
  const id = outer.fields.get('custom_id');
  const customId = outer.latin1.slice(id?.start ?? 0, id?.end ?? 0);
  const more = Object.keys(headers).length === 0 ? '' : `"headers":${JSON.stringify(headers)},`;
  return Buffer.concat([
    Buffer.from(`{"custom_id":${customId},${more}"params":`, 'latin1'),
    inner.bytes,
    Buffer.from('}\n'),
  ]);
}

function readHeaders(outer: ScannedBody): Readonly<Record<string, string>> | undefined {
  if (!outer.fields.has('headers')) return undefined;
  const value = readField(outer, 'headers');
  if (!isObject(value)) return undefined;
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, text]) => (typeof text === 'string' ? [[name, text]] : [])),
  );
}

function writeLine(item: FinalItem, dialect: ChatDialect): string {
  const head = `{"custom_id":${quote(item.customId)},"result":{"type":`;
  switch (item.kind) {
    case 'done':
      return `${head}"succeeded","message":${oneLine(item.body)}},"intermodal":${writeProvenance(item.provenance)}}`;
    case 'cancelled':
      return `${head}"canceled"},"intermodal":${writeFailure(item)}}`;
    case 'expired':
      return `${head}"expired"},"intermodal":${writeFailure(item)}}`;
    case 'rejected':
    case 'dead': {
      // An error's own envelope, inside the result's: `result.error.error.type`.
      const { body } = dialect.encodeError(errorOf(item), itemId('req_', item, idPrefix));
      return `${head}"errored","error":${JSON.stringify(body)}},"intermodal":${writeFailure(item)}}`;
    }
  }
}
