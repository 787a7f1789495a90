/**
 * A kept answer, read and given again. What was kept is the provider's own bytes, so the provider's codec reads them as it did the first
 * time, and the caller's dialect writes them: whole or streamed, whichever way they once came.
 */

import type { Kept } from '../cache/contract.ts';
import { type Answer, createFold, type EmbeddingAnswer } from '../core/answer.ts';
import { GatewayError } from '../core/errors.ts';
import type { StopKind, StreamEvent } from '../core/event.ts';
import type { StreamRelay } from '../core/stream.ts';
import { mergeUsage, type Usage } from '../core/usage.ts';
import type { ChatEndpoint, EmbeddingEndpoint, Endpoint } from '../providers/contract.ts';
import type { Target } from '../router/chain/contract.ts';
import type { Prepared, Served, StreamSink, WholeSink } from '../router/contract.ts';

export type KeptBytes = Pick<Kept, 'form' | 'bytes'>;

/** What is looked at before an answer is kept. */
export interface Judged {
  /** As the provider names it; '' where it does not. */
  readonly model: string;
  /** It came to its end by itself: worth giving again. */
  readonly normal: boolean;
}

/** An answer that is about to be given again. */
export interface Reopened {
  readonly usage: Usage | undefined;
  /** Once. */
  give(served: Served): void;
}

/** How an operation's answers are given again. */
export interface Replay {
  /** `undefined`: the target does not have the operation. */
  endpointOf(target: Target): Endpoint<never> | undefined;
  /** Throws for what cannot be read. */
  judge(target: Target, kept: KeptBytes): Judged;
  /** Reads no more of it than the caller's dialect needs: most are passed on as they are. Throws for what cannot be read. */
  open(target: Target, kept: KeptBytes, prepared: Prepared): Reopened;
}

export function replayWhole(sink: WholeSink<Answer>): Replay {
  return {
    ...ofChat,
    open({ chat }, kept, { relay }) {
      const endpoint = needed(chat);
      const asItIs = relay && kept.form === 'whole';
      const seen = asItIs ? endpoint.watchAnswer?.(bufferOf(kept.bytes)) : undefined;
      if (seen !== undefined) return { usage: seen.usage, give: (served) => sink.relay(served, kept.bytes) };
      const answer = foldOf(readEvents(kept, endpoint));
      const give = (served: Served): void =>
        asItIs ? sink.relay(served, kept.bytes) : sink.answer(served, answer);
      return { usage: answer.usage, give };
    },
  };
}

export function replayStream(sink: StreamSink): Replay {
  return {
    ...ofChat,
    open({ chat }, kept, { relay, forwarded }) {
      const endpoint = needed(chat);
      const passing = relay && kept.form === 'stream' ? endpoint.openRelay?.(forwarded) : undefined;
      return passing === undefined ? encoded(sink, readEvents(kept, endpoint)) : passed(sink, kept, passing);
    },
  };
}

function encoded(sink: StreamSink, events: readonly StreamEvent[]): Reopened {
  return {
    usage: foldOf(events).usage,
    give(served) {
      sink.commit(served, true);
      for (const event of events) sink.event(event);
      sink.flush();
      sink.end();
    },
  };
}

/** Watched as it was the first time, and written once all of it was seen. */
function passed(sink: StreamSink, { bytes }: KeptBytes, relay: StreamRelay): Reopened {
  let usage: Usage | undefined;
  let ended = false;
  const watch = (event: StreamEvent): void => {
    if (event.type === 'error') throw event.error;
    if (event.type === 'usage') usage = mergeUsage(usage, event.usage);
    if (event.type === 'end') ended = true;
  };
  const chunks = [relay.push(bytes, watch), relay.finish(watch)];
  if (!ended) throw new GatewayError('upstream_truncated', 'The kept answer ended before it was complete.');
  return {
    usage,
    give(served) {
      sink.commit(served, false);
      for (const chunk of chunks) if (chunk !== undefined) sink.bytes(chunk);
      sink.flush();
      sink.end();
    },
  };
}

export function replayEmbedding(sink: WholeSink<EmbeddingAnswer>): Replay {
  const read = ({ embeddings }: Target, { bytes }: KeptBytes): EmbeddingAnswer =>
    needed(embeddings).readAnswer(parse(bytes));
  return {
    endpointOf: ({ embeddings }) => embeddings,
    judge(target, kept) {
      const { model, vectors } = read(target, kept);
      return { model, normal: vectors.length > 0 };
    },
    open(target, kept, { relay }) {
      const answer = read(target, kept);
      const give = (served: Served): void =>
        relay ? sink.relay(served, kept.bytes) : sink.answer(served, answer);
      return { usage: answer.usage, give };
    },
  };
}

const ofChat: Pick<Replay, 'endpointOf' | 'judge'> = {
  endpointOf: ({ chat }) => chat,
  judge({ chat }, kept) {
    const answer = foldOf(readEvents(kept, needed(chat)));
    return { model: answer.model, normal: isNormal(answer) };
  },
};

function foldOf(events: readonly StreamEvent[]): Answer {
  const fold = createFold();
  for (const event of events) fold.add(event);
  return fold.answer();
}

function readEvents({ form, bytes }: KeptBytes, chat: ChatEndpoint): readonly StreamEvent[] {
  const events: StreamEvent[] = [];
  const emit = (event: StreamEvent): void => void events.push(event);
  if (form === 'whole') chat.readAnswer(parse(bytes), emit);
  else {
    const reader = chat.openStream();
    reader.push(bytes, emit);
    reader.finish(emit);
  }
  return events;
}

/** A limit, a filter or a refusal may well not be met the next time. */
const normalStops: ReadonlySet<StopKind> = new Set<StopKind>(['end', 'stop-sequence', 'tool']);

function isNormal({ choices }: Answer): boolean {
  return choices.every(
    ({ blocks, stop }) =>
      normalStops.has(stop.kind) && blocks.length > 0 && !blocks.some(({ type }) => type === 'refusal'),
  );
}

function parse(bytes: Uint8Array): unknown {
  return JSON.parse(bufferOf(bytes).toString('utf8'));
}

const bufferOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

function needed<E extends ChatEndpoint | EmbeddingEndpoint>(endpoint: E | undefined): E {
  if (endpoint === undefined)
    throw new GatewayError('unsupported', 'The target does not offer this operation.');
  return endpoint;
}
