/**
 * A kept answer, read and given again. What was kept is the provider's own bytes, so the provider's codec reads them as it did the first
 * time, and the caller's dialect writes them: whole or streamed, whichever way they once came.
 */

import type { Kept } from '../cache/contract.ts';
import { type Answer, createFold, type EmbeddingAnswer } from '../core/answer.ts';
import { GatewayError } from '../core/errors.ts';
import type { StopKind, StreamEvent } from '../core/event.ts';
import type { Usage } from '../core/usage.ts';
import type { ChatEndpoint, EmbeddingEndpoint, Endpoint } from '../providers/contract.ts';
import type { Served, StreamSink, Target, WholeSink } from '../router/contract.ts';

export type KeptBytes = Pick<Kept, 'form' | 'bytes'>;

/** A kept answer, as it was read. */
export interface Read {
  readonly usage: Usage | undefined;
  /** As the provider names it; '' where it does not. */
  readonly model: string;
  /** It came to its end by itself: worth giving again. */
  readonly normal: boolean;
  /** Once. */
  give(served: Served): void;
}

/** How an operation's answers are given again. */
export interface Replay {
  /** `undefined`: the target does not have the operation. */
  endpointOf(target: Target): Endpoint<never> | undefined;
  /** Throws `GatewayError` for what cannot be read. */
  read(target: Target, kept: KeptBytes): Read;
}

export function replayWhole(sink: WholeSink<Answer>): Replay {
  return chatReplay((kept, _chat, _events, answer) => (served) => {
    if (kept.form === 'whole' && served.prepared.relay) sink.relay(served, kept.bytes);
    else sink.answer(served, answer());
  });
}

export function replayStream(sink: StreamSink): Replay {
  return chatReplay((kept, chat, events) => (served) => {
    const relay =
      kept.form === 'stream' && served.prepared.relay
        ? chat.openRelay?.(served.prepared.forwarded)
        : undefined;
    sink.commit(served, relay === undefined);
    if (relay === undefined) for (const event of events) sink.event(event);
    else
      for (const bytes of [relay.push(kept.bytes, ignore), relay.finish(ignore)])
        if (bytes !== undefined) sink.bytes(bytes);
    sink.flush();
    sink.end();
  });
}

export function replayEmbedding(sink: WholeSink<EmbeddingAnswer>): Replay {
  return {
    endpointOf: ({ embeddings }) => embeddings,
    read(target, { bytes }) {
      const answer = needed(target.embeddings).readAnswer(parse(bytes));
      return {
        usage: answer.usage,
        model: answer.model,
        normal: answer.vectors.length > 0,
        give(served) {
          if (served.prepared.relay) sink.relay(served, bytes);
          else sink.answer(served, answer);
        },
      };
    },
  };
}

type Give = (
  kept: KeptBytes,
  chat: ChatEndpoint,
  events: readonly StreamEvent[],
  answer: () => Answer,
) => Read['give'];

function chatReplay(give: Give): Replay {
  return {
    endpointOf: ({ chat }) => chat,
    read(target, kept) {
      const chat = needed(target.chat);
      const events = readEvents(kept, chat);
      const fold = createFold();
      for (const event of events) fold.add(event);
      const answer = fold.answer();
      return {
        usage: answer.usage,
        model: answer.model,
        normal: isNormal(answer),
        give: give(kept, chat, events, () => answer),
      };
    },
  };
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
  return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'));
}

function needed<E extends ChatEndpoint | EmbeddingEndpoint>(endpoint: E | undefined): E {
  if (endpoint === undefined)
    throw new GatewayError('unsupported', 'The target does not offer this operation.');
  return endpoint;
}

const ignore = (): void => {};
