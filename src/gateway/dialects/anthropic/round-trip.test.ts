/** Any answer, through the stream, Anthropic's decoder, a client and the next request. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { modelInfo } from '../../../catalog/catalog.ts';
import { type Answer, createFold } from '../../../core/answer.ts';
import type { Block, Carry } from '../../../core/content.ts';
import type { BlockStart, StreamEvent } from '../../../core/event.ts';
import { createAnthropicCodec } from '../../../providers/families/anthropic-messages/codec.ts';
import { decodeContent } from './decode-content.ts';
import { encodeMessage } from './encode-answer.ts';
import {
  add,
  assertGrammar,
  carried,
  close,
  context,
  ended,
  open,
  started,
  wireEvents,
  write,
} from './fixtures/events.ts';

describe('any answer', () => {
  const carry = fc.record(
    {
      family: fc.constantFrom('anthropic', 'gemini', 'openai', 'converse'),
      payload: fc.string({ minLength: 1, maxLength: 12 }),
    },
    { noNullPrototype: true },
  ) satisfies fc.Arbitrary<Carry>;
  const args = fc.dictionary(
    fc.string({ maxLength: 4 }).filter((key) => key !== '__proto__'),
    fc.string({ maxLength: 6 }),
    { maxKeys: 3, noNullPrototype: true },
  );
  const planned = fc.record({
    kind: fc.constantFrom('text', 'reasoning', 'redacted', 'tool-call', 'refusal'),
    text: fc.string({ maxLength: 20, unit: 'binary' }),
    args,
    early: fc.option(carry, { nil: undefined }),
    late: fc.option(carry, { nil: undefined }),
    cuts: fc.nat({ max: 4 }),
  });
  type Planned = typeof planned extends fc.Arbitrary<infer One> ? One : never;

  function eventsOf(plan: Planned, index: number): StreamEvent[] {
    const early = plan.early === undefined ? {} : { carry: plan.early };
    const text =
      plan.kind === 'redacted' ? '' : plan.kind === 'tool-call' ? JSON.stringify(plan.args) : plan.text;
    const starts: Readonly<Record<Planned['kind'], BlockStart>> = {
      text: { type: 'text', ...early },
      reasoning: { type: 'reasoning', ...early },
      redacted: {
        type: 'reasoning',
        redacted: true,
        carry: plan.early ?? { family: 'anthropic', payload: 'cmVk' },
      },
      'tool-call': { type: 'tool-call', kind: 'function', id: `call_${index}`, name: 'find_crane', ...early },
      refusal: { type: 'refusal' },
    };
    const size = Math.max(1, Math.ceil(text.length / (plan.cuts + 1)));
    const pieces: StreamEvent[] = [];
    for (let at = 0; at < text.length; at += size) pieces.push(add(index, text.slice(at, at + size)));
    const late =
      plan.late === undefined || plan.kind === 'redacted' || plan.kind === 'refusal'
        ? []
        : [carried(index, plan.late)];
    return [open(index, starts[plan.kind]), ...pieces, ...late, close(index)];
  }

  /** Interleaves the blocks by chance; they open in order, as the grammar demands. */
  function interleave(plans: readonly Planned[], chances: readonly number[]): StreamEvent[] {
    const lists = plans.map(eventsOf);
    const mixed: StreamEvent[] = [];
    let opened = 0;
    for (let turn = 0; lists.some((list) => list.length > 0); turn++) {
      const live = lists.slice(0, opened + 1).filter((list) => list.length > 0);
      const list = live[(chances[turn % chances.length] ?? 0) % live.length];
      const event = list?.shift();
      if (event === undefined) break;
      if (event.type === 'block-start') opened += 1;
      mixed.push(event);
    }
    return mixed;
  }

  function fold(run: (emit: (event: StreamEvent) => void) => void): Answer {
    const folded = createFold();
    run(folded.add);
    return folded.answer();
  }

  /** What an Anthropic client can hold of the blocks: no empty texts, refusals as text. */
  function holdable(blocks: readonly Block[]): Block[] {
    return blocks.flatMap((block): Block[] => {
      if (block.type === 'refusal') return block.text === '' ? [] : [{ type: 'text', text: block.text }];
      if (block.type === 'text' && block.text === '' && block.carry === undefined) return [];
      return [block];
    });
  }

  test('comes back whole through the stream, a client and the next request', () => {
    const codec = createAnthropicCodec(modelInfo('claude-haiku-4-5'), {
      modelInBody: true,
      streamInBody: true,
      betas: 'header',
      urlMedia: true,
    });
    fc.assert(
      fc.property(
        fc.array(planned, { maxLength: 5 }),
        fc.array(fc.nat({ max: 9 }), { minLength: 1, maxLength: 12 }),
        (plans, chances) => {
          const events = [started, ...interleave(plans, chances), ...ended('end')];
          const text = write(events);
          assertGrammar(wireEvents(text));
          const seen = fold((emit) => {
            const reader = codec.openStream();
            reader.push(Buffer.from(text), emit);
            reader.finish(emit);
          });
          const wanted = fold((emit) => events.forEach(emit));
          const client = Object(encodeMessage(seen, context));
          const back = decodeContent(JSON.parse(JSON.stringify(client.content)), 'content');
          assert.deepEqual(back, holdable(wanted.choices[0]?.blocks ?? []));
          assert.equal(seen.choices[0]?.stop.kind, 'end');
          assert.equal(seen.usage?.inputTokens, 30);
        },
      ),
      { numRuns: 300 },
    );
  });
});
