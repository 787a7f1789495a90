/**
 * Tool calls as servers stream them, put together.
 *
 * By index and id as a rule. But the index may be missing or the same for every call, the id missing, empty, late, or new in every piece,
 * the name late, repeated or in pieces, and the arguments whole in the first piece. So a call is told only when its name is sure: at
 * its first arguments, or when something else begins.
 */
import type { Carry } from '../../../core/content.ts';
import type { BlockStart } from '../../../core/event.ts';
import { asNumber, asObject, asString, isObject } from '../../../core/json.ts';
import { createJsonDepth, type JsonDepth } from './json-depth.ts';
import { readArguments, readCallCarry } from './read-parts.ts';

/** What calls need of the answer that they are part of. */
export interface CallSink {
  /** Opens a block; the answer is its index. */
  begin(block: BlockStart): number;
  write(index: number, text: string): void;
  close(index: number): void;
  /** An id for the call at this position that came without one. */
  makeId(position: number): string;
}

interface Call {
  readonly key: number | undefined;
  readonly kind: 'function' | 'custom';
  id: string;
  name: string;
  carry: Carry | undefined;
  /** Once told: its block. */
  index: number | undefined;
  /** Arguments that came before the name. */
  held: string;
  readonly depth: JsonDepth;
}

/** One piece of a call, its shape taken off. */
interface Piece {
  readonly key: number | undefined;
  readonly id: string;
  readonly name: string;
  readonly text: string;
  readonly kind: 'function' | 'custom';
  readonly carry: Carry | undefined;
}

/** A call's name is short; a server that sends arguments without any name is not to fill our memory. */
const maxHeld = 1_000_000;

export class OpenCalls {
  readonly #sink: CallSink;
  readonly #calls: Call[] = [];

  constructor(sink: CallSink) {
    this.#sink = sink;
  }

  /** Whether any call was told. Ask after `settle`. */
  get any(): boolean {
    return this.#calls.some((call) => call.index !== undefined);
  }

  /** `value` is an entry of `tool_calls`, or the old `function_call`. */
  read(value: Readonly<Record<string, unknown>>): void {
    const piece = readPiece(value);
    let call = this.#find(piece);
    if (call === undefined) {
      this.settle();
      call = {
        key: piece.key,
        kind: piece.kind,
        id: this.#calls.some((other) => other.id !== '' && other.id === piece.id) ? '' : piece.id,
        name: '',
        carry: undefined,
        index: undefined,
        held: '',
        depth: createJsonDepth(),
      };
      this.#calls.push(call);
    }
    if (call.id === '' && call.index === undefined && !this.#has(piece.id)) call.id = piece.id;
    if (call.index === undefined) call.name = joinName(call.name, piece.name);
    call.carry ??= piece.carry;
    if (piece.text === '') return;
    call.depth.add(piece.text);
    call.held += piece.text;
    if (call.name !== '' || call.held.length > maxHeld) this.#tell(call);
  }

  /** Tells the calls whose name nothing more can change. One with neither name nor arguments is no call (Snowflake sends such). */
  settle(): void {
    for (const call of this.#calls) {
      if (call.index === undefined && (call.name !== '' || call.held !== '')) this.#tell(call);
    }
  }

  close(): void {
    this.settle();
    for (const call of this.#calls) if (call.index !== undefined) this.#sink.close(call.index);
  }

  #has(id: string): boolean {
    return id !== '' && this.#calls.some((call) => call.id === id);
  }

  #tell(call: Call): void {
    if (call.index === undefined) {
      if (call.id === '') call.id = this.#sink.makeId(this.#calls.indexOf(call));
      const { id, name, kind, carry } = call;
      call.index = this.#sink.begin({
        type: 'tool-call',
        id,
        name,
        kind,
        ...(carry === undefined ? {} : { carry }),
      });
    }
    if (call.held !== '') this.#sink.write(call.index, call.held);
    call.held = '';
  }

  /** The call that a piece belongs to; `undefined` begins a new one. */
  #find({ key, id, name }: Piece): Call | undefined {
    const calls = this.#calls;
    const byKey = key === undefined ? undefined : calls.findLast((call) => call.key === key);
    if (id !== '') {
      const byId = calls.findLast((call) => call.id === id);
      // The same id under another index and with a name of its own is another call.
      if (byId !== undefined && (key === undefined || byId.key === key || name === '')) return byId;
      if (byKey === undefined) return undefined;
      // A late id, or one that is new in every piece; with a name, one more call under an index that is in use.
      return name === '' || byKey.id === '' ? byKey : undefined;
    }
    const open = key === undefined ? calls.at(-1) : byKey;
    if (open === undefined || name === '') return open;
    if (open.depth.isWhole()) return undefined;
    if (key !== undefined) return open;
    return open.name === '' || open.name === name ? open : undefined;
  }
}

function readPiece(value: Readonly<Record<string, unknown>>): Piece {
  const custom = isObject(value['custom']);
  const named = asObject(custom ? value['custom'] : (value['function'] ?? value));
  return {
    key: asNumber(value['index']),
    id: asString(value['id']) ?? '',
    name: asString(named['name']) ?? '',
    text: readArguments(custom ? named['input'] : named['arguments']),
    kind: custom || value['type'] === 'custom' ? 'custom' : 'function',
    carry: readCallCarry(value),
  };
}

/** Pieces are joined; a name said again, or said again from its beginning, is not. */
function joinName(name: string, piece: string): string {
  return piece.startsWith(name) ? piece : name.endsWith(piece) ? name : name + piece;
}
