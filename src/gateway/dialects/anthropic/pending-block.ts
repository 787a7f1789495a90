/** One block of an answer while it is written: what has come of it, and what of that is still to be said. */
import type { Carry } from '../../../core/content.ts';
import type { BlockStart } from '../../../core/event.ts';
import { isObject } from '../../../core/json.ts';
import { carryBlock, wrapSignature } from './signature.ts';

export class PendingBlock {
  readonly start: BlockStart;
  carry: Carry | undefined;
  /** Text that has come and was not written yet. */
  text = '';
  citations: unknown[] = [];
  closed = false;
  /** content_block_start was written. */
  opened = false;
  wrote = false;
  /** The carry that went out in front of the block. */
  #led: Carry | undefined;

  constructor(start: BlockStart) {
    this.start = start;
    this.carry = 'carry' in start ? start.carry : undefined;
  }

  /** Texts wait for their first text, redacted thoughts for their data; calls and thoughts open at once. */
  mayOpen(): boolean {
    switch (this.start.type) {
      case 'text':
      case 'refusal':
        return this.text !== '';
      case 'reasoning':
        return this.start.redacted !== true || this.carry !== undefined || this.closed;
      case 'tool-call':
        return true;
      case 'opaque':
        return this.start.protocol === 'anthropic-messages' && isObject(this.start.raw);
      case 'image':
        return false;
    }
  }

  /** An empty thought in front of a block of another family's, for what that family wants back with it. */
  lead(): object | undefined {
    if (this.start.type !== 'text' && this.start.type !== 'tool-call') return undefined;
    this.#led = this.carry;
    return this.carry === undefined ? undefined : carryBlock(this.carry, 'next');
  }

  /** The same behind it, where its carry came too late; in its place, where the block itself was empty. */
  trail(): object | undefined {
    if (this.start.type !== 'text' && this.start.type !== 'tool-call') return undefined;
    if (this.carry === undefined || this.carry === this.#led) return undefined;
    return carryBlock(this.carry, this.opened ? 'prev' : 'text');
  }

  content(): object {
    switch (this.start.type) {
      case 'reasoning':
        if (this.start.redacted === true)
          return { type: 'redacted_thinking', data: wrapSignature(this.carry) };
        return { type: 'thinking', thinking: '', signature: '' };
      case 'tool-call':
        return { type: 'tool_use', id: this.start.id, name: this.start.name, input: {} };
      case 'opaque':
        return isObject(this.start.raw) ? this.start.raw : {};
      default:
        return { type: 'text', text: '' };
    }
  }

  /** Deltas for what may be written by now, each once. */
  deltas(): readonly object[] {
    const deltas: object[] = [];
    const text = this.#takeText();
    if (text !== '') {
      deltas.push(this.#deltaOf(text));
      this.wrote = true;
    }
    for (const citation of this.citations) deltas.push({ type: 'citations_delta', citation });
    this.citations = [];
    return deltas;
  }

  /** What ends the block, before its content_block_stop. */
  lastDeltas(): readonly object[] {
    if (this.start.type === 'reasoning' && this.start.redacted !== true)
      return [{ type: 'signature_delta', signature: wrapSignature(this.carry) }];
    if (this.start.type === 'tool-call' && !this.wrote)
      return [{ type: 'input_json_delta', partial_json: '' }];
    return [];
  }

  /**
   * A call's input must come to an object: free text is wrapped in one, whole, and a bare `null`, which some servers write for "no
   * arguments", is left out; until more than `null` has come, it waits.
   */
  #takeText(): string {
    const { text } = this;
    if (this.start.type === 'tool-call' && this.start.kind === 'custom') {
      if (!this.closed || this.wrote) return '';
      this.text = '';
      return JSON.stringify({ input: text });
    }
    if (this.start.type === 'tool-call' && !this.wrote && 'null'.startsWith(text.trim())) {
      if (this.closed) this.text = '';
      return '';
    }
    this.text = '';
    return this.start.type === 'opaque' ? '' : text;
  }

  #deltaOf(text: string): object {
    switch (this.start.type) {
      case 'reasoning':
        return { type: 'thinking_delta', thinking: text };
      case 'tool-call':
        return { type: 'input_json_delta', partial_json: text };
      default:
        return { type: 'text_delta', text };
    }
  }
}
