/** The neutral form of an answer that is passed on as bytes. */
import { type Answer, createFold } from '../../core/answer.ts';
import { GatewayError } from '../../core/errors.ts';
import type { ChatEndpoint } from '../../providers/contract.ts';
import { readJson } from '../../router/body.ts';
import type { Target } from '../../router/chain/contract.ts';

/** Throws where the bytes are no answer. */
export function readWhole(target: Target, body: Uint8Array): Answer {
  const fold = createFold();
  endpointOf(target).readAnswer(readJson(Buffer.from(body.buffer, body.byteOffset, body.length)), fold.add);
  return fold.answer();
}

/** The same of a stream. */
export function readStream(target: Target, chunks: readonly Uint8Array[]): Answer {
  const fold = createFold();
  const reader = endpointOf(target).openStream();
  for (const chunk of chunks) reader.push(chunk, fold.add);
  reader.finish(fold.add);
  return fold.answer();
}

function endpointOf({ chat, name }: Target): ChatEndpoint {
  if (chat === undefined) throw new GatewayError('internal', `${name} cannot chat.`);
  return chat;
}
