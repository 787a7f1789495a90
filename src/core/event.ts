/**
 * The one internal event grammar. Every provider's stream decodes to it, every dialect's stream is encoded from it, and an
 * answer that was not streamed is the same events folded (`fold.ts`).
 *
 * Grammar: `start`, then blocks, a `stop` for each choice, `usage` any time after start, `end` last. `error` is
 * terminal. Blocks may be open at the same time (OpenAI's parallel calls); dialects that need one after another
 * serialise. `index` counts blocks over the whole answer in order of opening, without gaps.
 *
 * A stream that stops without `end` or `error` was cut: that is an error, never a stop.
 */
import type { Carry } from './content.ts';
import type { GatewayError } from './errors.ts';
import type { Usage } from './usage.ts';

export type StopKind =
  | 'end'
  | 'length'
  | 'context'
  | 'tool'
  | 'stop-sequence'
  | 'filter'
  | 'refusal'
  | 'pause'
  | 'other';

export interface Stop {
  readonly kind: StopKind;
  /** The stop sequence that was met. */
  readonly sequence?: string;
  /** The vendor's own word, for logs. */
  readonly raw?: string;
}

export interface TokenLogprob {
  readonly token: string;
  readonly logprob: number;
  readonly bytes?: readonly number[] | null;
  readonly top: readonly {
    readonly token: string;
    readonly logprob: number;
    readonly bytes?: readonly number[] | null;
  }[];
}

export type BlockStart =
  | { readonly type: 'text'; readonly carry?: Carry }
  | { readonly type: 'reasoning'; readonly redacted?: boolean; readonly carry?: Carry }
  | {
      readonly type: 'tool-call';
      readonly id: string;
      readonly name: string;
      readonly kind: 'function' | 'custom';
      readonly carry?: Carry;
    }
  | { readonly type: 'refusal' }
  /** Whole at its start: a generated image, or something only `protocol` knows. */
  | { readonly type: 'image'; readonly mimeType: string; readonly data: string }
  | { readonly type: 'opaque'; readonly protocol: string; readonly raw: unknown };

export type StreamEvent =
  | { readonly type: 'start'; readonly id: string; readonly model: string; readonly createdAtS?: number }
  /** `choice` is 0 where absent: which of `n` answers. */
  | {
      readonly type: 'block-start';
      readonly index: number;
      readonly choice?: number;
      readonly block: BlockStart;
    }
  /** Text of a text, reasoning or refusal block, or argument text of a tool call: the block's kind says which. */
  | {
      readonly type: 'block-delta';
      readonly index: number;
      readonly text: string;
      readonly logprobs?: readonly TokenLogprob[];
    }
  /** A carry that came after its block's start (signature_delta); replaces an earlier one. */
  | { readonly type: 'block-carry'; readonly index: number; readonly carry: Carry }
  | { readonly type: 'block-citation'; readonly index: number; readonly citation: unknown }
  | { readonly type: 'block-stop'; readonly index: number }
  | { readonly type: 'stop'; readonly choice?: number; readonly stop: Stop }
  | { readonly type: 'usage'; readonly usage: Usage }
  | { readonly type: 'end' }
  | { readonly type: 'error'; readonly error: GatewayError }
  | { readonly type: 'ping' };

export type Emit = (event: StreamEvent) => void;

/** True for the first event that a caller could act on; before it, a stream may still move to another target. */
export function isContent(event: StreamEvent): boolean {
  switch (event.type) {
    case 'block-delta':
      return event.text !== '';
    case 'block-start':
      return (
        event.block.type !== 'text' && event.block.type !== 'reasoning' && event.block.type !== 'refusal'
      );
    case 'block-carry':
    case 'end':
      return true;
    default:
      return false;
  }
}
