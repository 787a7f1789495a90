/**
 * Lines and results of jobs. A line is our own writing: `{custom_id, body}` with a Chat Completions body, as which its item is asked. A
 * result is short, since those who submit jobs want the text: `{id, content, …}`.
 */
import type { BatchShape, FinalItem, Line } from '../../../batch/shape/contract.ts';
import type { Answer } from '../../../core/answer.ts';
import { present } from '../../../core/present.ts';
import type { AnyDialect, ChatDialect } from '../../dialects/contract.ts';
import { createItemCall } from '../item-call.ts';
import { dialectAt, findCustomId, inspectInner, readCustomId, scanLine } from '../read-line.ts';
import { errorOf, oneLine, quote, writeFailure, writeProvenance } from '../result.ts';

export const endpoint = '/v1/chat/completions';
export const shapeId = 'jobs';
const idPrefix = 'job_';

export function createShape(all: readonly AnyDialect[]): BatchShape {
  const chats = all.filter(
    (dialect): dialect is ChatDialect => dialect.operation === 'chat' && dialect.path === endpoint,
  );
  // Answers are ours alone, so no provider's may pass through: the protocol is nobody's.
  const dialects = chats.map((chat): ChatDialect => ({ ...chat, protocol: 'other', encodeAnswer }));
  return {
    id: shapeId,
    protocols: [],
    pushesResults: true,
    idPrefix,
    readLine(bytes): Line {
      const { outer, inner } = scanLine(bytes, 'body');
      return {
        customId: readCustomId(outer),
        body: inner,
        facts: inspectInner(dialectAt(dialects, endpoint), inner, 'body'),
      };
    },
    customIdOf: (bytes) => findCustomId(bytes, 'body'),
    call: (line, context) => createItemCall(dialectAt(dialects, endpoint), line, context),
    writeResult: (item) => ({ output: 'output', line: writeLine(item) }),
  };
}

/** All texts of the first answer; what a model thought or called on the way is not what a job is submitted for. */
function encodeAnswer(answer: Answer): object {
  const first = answer.choices[0];
  const texts = (first?.blocks ?? []).flatMap((block) =>
    block.type === 'text' || block.type === 'refusal' ? [block.text] : [],
  );
  return {
    content: texts.join(''),
    stop: first?.stop.kind ?? 'other',
    usage: present({
      input_tokens: answer.usage?.inputTokens,
      output_tokens: answer.usage?.outputTokens,
    }),
  };
}

function writeLine(item: FinalItem): string {
  const head = `{"id":${quote(item.customId)},`;
  if (item.kind === 'done')
    // The members of the answer become members of the result.
    return `${head}"status":"succeeded",${oneLine(item.body).slice(1, -1)},"intermodal":${writeProvenance(item.provenance)}}`;
  const { code, message } = errorOf(item);
  return `${head}"status":"${item.kind === 'cancelled' || item.kind === 'expired' ? item.kind : 'failed'}","error":{"code":"${code}","message":${quote(message)}},"intermodal":${writeFailure(item)}}`;
}
