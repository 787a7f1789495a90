/** The two ways in which an answer goes to its caller, whole or as a stream: each can be held, and overheard. */
import type { Answer } from '../../core/answer.ts';
import type { AttemptInput, Outcome } from '../../router/attempt.ts';
import { attemptStream } from '../../router/attempt-stream.ts';
import { attemptWhole, readChat } from '../../router/attempt-whole.ts';
import type { ExchangeWorld } from '../../router/exchange.ts';
import type { Reply, StreamReply, WholeReply } from '../reply.ts';
import { noChat } from './ask.ts';
import { type Held, HeldStream, HeldWhole } from './hold.ts';
import { OverheardStream, OverheardWhole } from './overhear.ts';

type TryOnce = (input: AttemptInput) => Promise<Outcome>;

export interface Way {
  readonly reply: Reply;
  /** Nothing reaches the caller until what is held is given. */
  hold(): { readonly tryOnce: TryOnce; readonly held: () => Held | undefined };
  /** All of it reaches the caller at once. */
  overhear(): { readonly tryOnce: TryOnce; readonly heard: () => Answer | undefined };
}

export function wholeWay(world: ExchangeWorld, reply: WholeReply<Answer>): Way {
  const into =
    (sink: HeldWhole | OverheardWhole): TryOnce =>
    (input) => {
      const { chat } = input.target;
      return chat === undefined
        ? noChat(input.target)
        : attemptWhole(world, input, chat, readChat(chat), sink);
    };
  return {
    reply,
    hold() {
      const sink = new HeldWhole(reply, reply);
      return { tryOnce: into(sink), held: () => sink.held };
    },
    overhear() {
      const sink = new OverheardWhole(reply);
      return { tryOnce: into(sink), heard: () => sink.heard() };
    },
  };
}

export function streamWay(world: ExchangeWorld, reply: StreamReply): Way {
  const into =
    (sink: HeldStream | OverheardStream): TryOnce =>
    (input) => {
      const { chat } = input.target;
      return chat === undefined ? noChat(input.target) : attemptStream(world, input, chat, sink);
    };
  return {
    reply,
    hold() {
      const sink = new HeldStream(reply);
      return { tryOnce: into(sink), held: () => sink.held };
    },
    overhear() {
      const sink = new OverheardStream(reply);
      return { tryOnce: into(sink), heard: () => sink.heard() };
    },
  };
}
