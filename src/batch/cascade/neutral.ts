/**
 * A first answer as later waves need it: what it says, whatever dialect its caller speaks. It stands behind the caller's form of it in its
 * segment, so that an answer and what it is compared by are durable together.
 */
import { z } from 'zod';
import type { Answer } from '../../core/answer.ts';
import type { Block } from '../../core/content.ts';
import type { ItemCascade, ItemResult } from '../contract.ts';
import type { Segments } from '../segments.ts';

const blocks = z.array(
  z.discriminatedUnion('type', [
    z.object({ type: z.literal('text'), text: z.string() }),
    z.object({ type: z.literal('refusal'), text: z.string() }),
    z.object({
      type: z.literal('tool-call'),
      id: z.string(),
      name: z.string(),
      kind: z.enum(['function', 'custom']),
      arguments: z.string(),
    }),
  ]),
);
const stops = [
  'end',
  'length',
  'context',
  'tool',
  'stop-sequence',
  'filter',
  'refusal',
  'pause',
  'other',
] as const;
const schema = z.object({
  id: z.string(),
  model: z.string(),
  choices: z.array(z.object({ blocks, stop: z.object({ kind: z.enum(stops) }) })),
});

/** What nobody compares is left out: reasoning, images, and what one family alone understands. */
export function writeNeutral({ id, model, choices }: Answer): string {
  return JSON.stringify({
    id,
    model,
    choices: choices.map((choice) => ({
      blocks: choice.blocks.flatMap(said),
      stop: { kind: choice.stop.kind },
    })),
  });
}

function said(block: Block): object[] {
  switch (block.type) {
    case 'text':
    case 'refusal':
      return [{ type: block.type, text: block.text }];
    case 'tool-call': {
      const { type, id, name, kind } = block;
      return [{ type, id, name, kind, arguments: block.arguments }];
    }
    default:
      return [];
  }
}

/** `undefined`: none was kept. */
export async function readNeutral(
  segments: Segments,
  result: ItemResult | undefined,
  cascade: ItemCascade | undefined,
): Promise<Answer | undefined> {
  const bytes = cascade?.neutralBytes;
  if (result === undefined || bytes === undefined) return undefined;
  const text = await segments.read({ segment: result.segment, at: neutralAt(result), bytes });
  return schema.parse(JSON.parse(text.toString('utf8')));
}

/** Behind the answer and the line break that ends it. */
function neutralAt({ at, bytes }: ItemResult): number {
  return at + bytes + 1;
}
