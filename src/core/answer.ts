/** A whole answer, and the fold that builds it from the events of a stream. */
import type { Block, Carry } from './content.ts';
import { GatewayError } from './errors.ts';
import type { BlockStart, Emit, Stop, StreamEvent, TokenLogprob } from './event.ts';
import { mergeUsage, type Usage } from './usage.ts';

export interface Choice {
  readonly blocks: readonly AnswerBlock[];
  readonly stop: Stop;
  readonly logprobs?: readonly TokenLogprob[];
}

/** Blocks that a model can write: every neutral block, plus a generated image as an `image` with base64 source. */
export type AnswerBlock = Block;

export interface Answer {
  readonly id: string;
  readonly model: string;
  /** Seconds since 1970, where the provider says. */
  readonly createdAtS?: number;
  readonly choices: readonly Choice[];
  readonly usage?: Usage;
}

export interface EmbeddingAnswer {
  readonly model: string;
  readonly vectors: readonly (readonly number[])[];
  readonly usage?: Usage;
}

interface OpenBlock {
  readonly choice: number;
  readonly start: BlockStart;
  text: string;
  carry: Carry | undefined;
  citations: unknown[] | undefined;
}

/** Collects events; `answer()` is what they amount to, or throws the stream's own error. */
export interface Fold {
  readonly add: Emit;
  answer(): Answer;
}

export function createFold(): Fold {
  const blocks: (OpenBlock | undefined)[] = [];
  const stops: (Stop | undefined)[] = [];
  const logprobs: (TokenLogprob[] | undefined)[] = [];
  let head: Extract<StreamEvent, { type: 'start' }> | undefined;
  let usage: Usage | undefined;
  let ended = false;
  let failure: GatewayError | undefined;

  function add(event: StreamEvent): void {
    switch (event.type) {
      case 'start':
        head ??= event;
        return;
      case 'block-start':
        blocks[event.index] = {
          choice: event.choice ?? 0,
          start: event.block,
          text: '',
          carry: 'carry' in event.block ? event.block.carry : undefined,
          citations: undefined,
        };
        return;
      case 'block-delta': {
        const block = blocks[event.index];
        if (block === undefined) return;
        block.text += event.text;
        if (event.logprobs !== undefined) {
          const list = logprobs[block.choice] ?? [];
          list.push(...event.logprobs);
          logprobs[block.choice] = list;
        }
        return;
      }
      case 'block-carry': {
        const block = blocks[event.index];
        if (block !== undefined) block.carry = event.carry;
        return;
      }
      case 'block-citation': {
        const block = blocks[event.index];
        if (block === undefined) return;
        block.citations ??= [];
        block.citations.push(event.citation);
        return;
      }
      case 'stop':
        stops[event.choice ?? 0] = event.stop;
        return;
      case 'usage':
        usage = mergeUsage(usage, event.usage);
        return;
      case 'end':
        ended = true;
        return;
      case 'error':
        failure ??= event.error;
        return;
      case 'block-stop':
      case 'ping':
        return;
    }
  }

  function answer(): Answer {
    if (failure !== undefined) throw failure;
    if (!ended || head === undefined) {
      throw new GatewayError('upstream_truncated', 'The provider’s answer ended before it was complete.');
    }
    const count = Math.max(1, stops.length, ...blocks.map((block) => (block?.choice ?? 0) + 1));
    const choices: Choice[] = [];
    for (let index = 0; index < count; index++) {
      const written: AnswerBlock[] = [];
      for (const block of blocks) {
        if (block !== undefined && block.choice === index) written.push(closeBlock(block));
      }
      const tokens = logprobs[index];
      choices.push({
        blocks: written,
        stop: stops[index] ?? { kind: 'other' },
        ...(tokens === undefined ? {} : { logprobs: tokens }),
      });
    }
    return {
      id: head.id,
      model: head.model,
      choices,
      ...(head.createdAtS === undefined ? {} : { createdAtS: head.createdAtS }),
      ...(usage === undefined ? {} : { usage }),
    };
  }

  return { add, answer };
}

function closeBlock(block: OpenBlock): AnswerBlock {
  const carry = block.carry === undefined ? {} : { carry: block.carry };
  switch (block.start.type) {
    case 'text':
      return {
        type: 'text',
        text: block.text,
        ...carry,
        ...(block.citations === undefined ? {} : { citations: block.citations }),
      };
    case 'reasoning':
      return {
        type: 'reasoning',
        text: block.text,
        ...carry,
        ...(block.start.redacted === true ? { redacted: true } : {}),
      };
    case 'tool-call': {
      const { id, name, kind } = block.start;
      return { type: 'tool-call', id, name, kind, arguments: block.text, ...carry };
    }
    case 'refusal':
      return { type: 'refusal', text: block.text };
    case 'image':
      return {
        type: 'image',
        source: { kind: 'base64', mimeType: block.start.mimeType, data: block.start.data },
      };
    case 'opaque':
      return { type: 'opaque', protocol: block.start.protocol, raw: block.start.raw };
  }
}
