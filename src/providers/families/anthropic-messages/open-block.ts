/**
 * One block of a stream while it is open. Text, thinking and calls go out as they come; what only this protocol knows (server tools, their
 * results, compaction) has no deltas in our grammar, so it is put together here and goes out whole when it closes.
 */
import type { Carry } from '../../../core/content.ts';
import { GatewayError } from '../../../core/errors.ts';
import type { Emit } from '../../../core/event.ts';
import { asArray, asString, isObject } from '../../../core/json.ts';
import { blockText, readBlockStart } from './read-parts.ts';

type Fields = Readonly<Record<string, unknown>>;

/** A server tool's input, or a compacted conversation; a real one is far smaller. */
const mostHeldCharacters = 16 * 1024 * 1024;

export interface OpenBlock {
  delta(delta: Fields, emit: Emit): void;
  close(emit: Emit): void;
}

export function openBlock(block: Fields, nextIndex: () => number, emit: Emit): OpenBlock {
  const start = readBlockStart(block);
  if (start.type === 'opaque') return new HeldBlock(block, nextIndex);
  const index = nextIndex();
  emit({ type: 'block-start', index, block: start });
  for (const citation of asArray(block['citations'])) emit({ type: 'block-citation', index, citation });
  return new LiveBlock(index, start.type, blockText(block), emit);
}

/** Which delta kinds belong to which block; a delta of another kind is not the block's and is left out. */
const textDeltas: Readonly<Record<string, { readonly of: string; readonly field: string }>> = {
  text_delta: { of: 'text', field: 'text' },
  thinking_delta: { of: 'reasoning', field: 'thinking' },
  input_json_delta: { of: 'tool-call', field: 'partial_json' },
};

class LiveBlock implements OpenBlock {
  readonly #index: number;
  readonly #kind: string;
  /** A whole input that came with the start: it stands unless deltas follow. */
  #input = '';

  constructor(index: number, kind: string, first: string, emit: Emit) {
    this.#index = index;
    this.#kind = kind;
    if (kind === 'tool-call') this.#input = first;
    else this.#text(first, emit);
  }

  delta(delta: Fields, emit: Emit): void {
    const type = asString(delta['type']) ?? '';
    const text = textDeltas[type];
    if (text !== undefined) {
      if (text.of === this.#kind) this.#text(asString(delta[text.field]) ?? '', emit);
    } else if (type === 'signature_delta' && this.#kind === 'reasoning') {
      const carry: Carry = { family: 'anthropic', payload: asString(delta['signature']) ?? '' };
      if (carry.payload !== '') emit({ type: 'block-carry', index: this.#index, carry });
    } else if (type === 'citations_delta' && this.#kind === 'text') {
      emit({ type: 'block-citation', index: this.#index, citation: delta['citation'] });
    }
  }

  close(emit: Emit): void {
    this.#text(this.#input, emit);
    emit({ type: 'block-stop', index: this.#index });
  }

  #text(text: string, emit: Emit): void {
    if (text === '') return;
    this.#input = '';
    emit({ type: 'block-delta', index: this.#index, text });
  }
}

class HeldBlock implements OpenBlock {
  readonly #block: Fields;
  readonly #nextIndex: () => number;
  /** Fields that deltas add to, by name. */
  readonly #added = new Map<string, string>();
  #input = '';
  #characters = 0;

  constructor(block: Fields, nextIndex: () => number) {
    this.#block = block;
    this.#nextIndex = nextIndex;
  }

  delta(delta: Fields): void {
    for (const [field, value] of Object.entries(delta)) {
      if (field === 'type' || typeof value !== 'string') continue;
      this.#characters += value.length;
      if (this.#characters > mostHeldCharacters)
        throw new GatewayError('upstream_malformed', 'The provider streams one block without end.');
      if (field === 'partial_json') this.#input += value;
      else this.#added.set(field, (this.#added.get(field) ?? '') + value);
    }
  }

  close(emit: Emit): void {
    const raw: Record<string, unknown> = { ...this.#block };
    for (const [field, text] of this.#added) raw[field] = (asString(raw[field]) ?? '') + text;
    if (this.#input !== '') raw['input'] = readInput(this.#input);
    const index = this.#nextIndex();
    emit({ type: 'block-start', index, block: { type: 'opaque', protocol: 'anthropic-messages', raw } });
    emit({ type: 'block-stop', index });
  }
}

/** Cut by a token limit, it is no object: kept under a name that says so. */
function readInput(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value)) return value;
  } catch {
    // Told below, with everything else that is not an object.
  }
  return { _raw_arguments: text };
}
