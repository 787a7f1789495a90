/** Lines and results as OpenAI's batch API has them: `{custom_id, method, url, body}`. */
import type { BatchShape, FinalItem, Line } from '../../../batch/shape/contract.ts';
import type { ScannedBody } from '../../../core/body.ts';
import { readField } from '../../../wire/json-scan.ts';
import type { AnyDialect, ChatDialect, EmbeddingDialect } from '../../dialects/contract.ts';
import { createItemCall } from '../item-call.ts';
import {
  dialectAt,
  findCustomId,
  inspectInner,
  kindOf,
  readCustomId,
  requireMessages,
  scanLine,
  wrong,
} from '../read-line.ts';
import {
  errorOf,
  itemId,
  oneLine,
  quote,
  type UnansweredItem,
  writeFailure,
  writeProvenance,
} from '../result.ts';

/** What a batch may ask for. */
export const endpoints = ['/v1/chat/completions', '/v1/embeddings'];
export const shapeId = 'openai';
const idPrefix = 'batch_';

export function createShape(all: readonly AnyDialect[]): BatchShape {
  const dialects = all.filter(
    (dialect): dialect is ChatDialect | EmbeddingDialect =>
      dialect.operation !== 'count-tokens' && endpoints.includes(dialect.path),
  );
  return {
    id: shapeId,
    protocols: dialects.map(({ protocol }) => protocol),
    idPrefix,
    readLine(bytes, { endpoint }): Line {
      const { outer, inner } = scanLine(bytes, 'body');
      const customId = readCustomId(outer);
      expectText(outer, 'method', 'POST');
      expectText(outer, 'url', endpoint);
      const dialect = dialectAt(dialects, endpoint);
      const facts = inspectInner(dialect, inner, 'body');
      if (dialect.operation === 'chat') requireMessages(inner, 'body');
      else if (!inner.fields.has('input'))
        throw wrong('body.input', '"input" is missing: the text to embed.');
      return { customId, body: inner, facts };
    },
    customIdOf: (bytes) => findCustomId(bytes, 'body'),
    call: (line, context) => createItemCall(dialectAt(dialects, context.batch.endpoint), line, context),
    writeResult(item) {
      if (item.kind === 'done') return { output: 'output', line: writeAnswer(item) };
      return { output: 'error', line: writeError(item, dialectAt(dialects, item.batch.endpoint)) };
    },
  };
}

/** Nearly always it is what it must be, byte for byte, and then nothing is parsed. */
function expectText(outer: ScannedBody, name: string, wanted: string): void {
  const span = outer.fields.get(name);
  if (span === undefined) throw wrong(name, `"${name}" is missing; it must be "${wanted}".`);
  if (
    span.end - span.start === wanted.length + 2 &&
    outer.latin1.startsWith(wanted, span.start + 1) &&
    outer.latin1.charCodeAt(span.start) === 0x22
  )
    return;
  const value = readField(outer, name);
  if (value === wanted) return;
  const seen = typeof value === 'string' ? `"${value.slice(0, 100)}"` : kindOf(value);
  const why = name === 'url' ? ', the endpoint of the batch' : '';
  throw wrong(name, `"${name}" is ${seen}; it must be "${wanted}"${why}.`);
}

function head(item: FinalItem): string {
  return `{"id":"${itemId('batch_req_', item, idPrefix)}","custom_id":${quote(item.customId)},"response":`;
}

function writeAnswer(item: Extract<FinalItem, { kind: 'done' }>): string {
  const requestId = itemId('req_', item, idPrefix);
  return `${head(item)}{"status_code":200,"request_id":"${requestId}","body":${oneLine(item.body)}},"error":null,"intermodal":${writeProvenance(item.provenance)}}`;
}

/** What was answered with an error has a response; what never was asked has none. */
function writeError(item: UnansweredItem, dialect: ChatDialect | EmbeddingDialect): string {
  const tail = `,"intermodal":${writeFailure(item)}}`;
  if (item.kind === 'expired' || item.kind === 'cancelled')
    return `${head(item)}null,"error":{"code":"batch_${item.kind}","message":${quote(item.error.message)}}${tail}`;
  const requestId = itemId('req_', item, idPrefix);
  const { status, body } = dialect.encodeError(errorOf(item), requestId);
  return `${head(item)}{"status_code":${status},"request_id":"${requestId}","body":${JSON.stringify(body)}},"error":null${tail}`;
}
