/**
 * Messages stream events to ours. Terminal is `message_stop`; what follows it is ignored, as are pings, Vertex's own events and kinds
 * that are not known yet. A second `message_start` (some proxies splice two streams) begins nothing new.
 */
import { GatewayError } from '../../../core/errors.ts';
import type { Emit } from '../../../core/event.ts';
import { asNumber, asObject, asString, isObject } from '../../../core/json.ts';
import type { Frame, FrameDecoder } from '../../../core/stream.ts';
import { type OpenBlock, openBlock } from './open-block.ts';
import { mergeRawUsage, type RawUsage, readStop, toUsage } from './read-parts.ts';

type Fields = Readonly<Record<string, unknown>>;

/** Also says which frames a client of the protocol should not see. */
export interface MessageFrameDecoder extends FrameDecoder {
  /** True for the frame that was read last: Vertex's own, a second start, or one after the end. */
  strange(): boolean;
}

export function createMessageFrameDecoder(readError: (body: unknown) => GatewayError): MessageFrameDecoder {
  return new MessageDecoder(readError);
}

class MessageDecoder implements MessageFrameDecoder {
  readonly #readError: (body: unknown) => GatewayError;
  /** By the vendor's index; ours count what is written, since spliced streams repeat theirs. */
  readonly #open = new Map<number, OpenBlock>();
  readonly #usage: RawUsage = {};
  #next = 0;
  #started = false;
  #ended = false;
  #stopped = false;
  #strange = false;

  constructor(readError: (body: unknown) => GatewayError) {
    this.#readError = readError;
  }

  strange(): boolean {
    const strange = this.#strange;
    // A guard in front of us may not show us what follows the end.
    if (this.#ended) this.#strange = true;
    return strange;
  }

  frame(frame: Frame, emit: Emit): void {
    this.#strange = this.#ended || frame.name === 'vertex_event';
    if (this.#strange || frame.name === 'ping') return;
    const event = parseEvent(frame.data);
    switch (event['type'] ?? (isObject(event['error']) ? 'error' : frame.name)) {
      case 'message_start':
        this.#start(asObject(event['message']), emit);
        return;
      case 'content_block_start':
        this.#openBlock(event, emit);
        return;
      case 'content_block_delta':
        this.#open.get(asNumber(event['index']) ?? -1)?.delta(asObject(event['delta']), emit);
        return;
      case 'content_block_stop':
        this.#closeBlock(asNumber(event['index']) ?? -1, emit);
        return;
      case 'message_delta':
        this.#messageDelta(event, emit);
        return;
      case 'message_stop':
        this.#end(emit);
        return;
      case 'error':
        this.#ended = true;
        emit({ type: 'error', error: this.#readError(event) });
        return;
      case 'vertex_event':
        this.#strange = true;
        return;
      case 'ping':
        emit({ type: 'ping' });
        return;
    }
  }

  finish(): void {
    // message_stop is not optional: a close before it is a cut.
  }

  #start(message: Fields, emit: Emit): void {
    mergeRawUsage(this.#usage, message['usage']);
    this.#strange = this.#started;
    if (this.#started) return;
    this.#started = true;
    emit({ type: 'start', id: asString(message['id']) ?? '', model: asString(message['model']) ?? '' });
    this.#reportUsage(emit);
  }

  #openBlock(event: Fields, emit: Emit): void {
    const number = asNumber(event['index']) ?? this.#next;
    this.#closeBlock(number, emit);
    this.#open.set(
      number,
      openBlock(asObject(event['content_block']), () => this.#next++, emit),
    );
  }

  #closeBlock(number: number, emit: Emit): void {
    const block = this.#open.get(number);
    this.#open.delete(number);
    block?.close(emit);
  }

  #messageDelta(event: Fields, emit: Emit): void {
    mergeRawUsage(this.#usage, event['usage']);
    this.#reportUsage(emit);
    const delta = asObject(event['delta']);
    if (asString(delta['stop_reason']) === undefined) return;
    this.#stopped = true;
    emit({ type: 'stop', stop: readStop(delta['stop_reason'], delta['stop_sequence']) });
  }

  #reportUsage(emit: Emit): void {
    const usage = toUsage(this.#usage);
    if (usage !== undefined) emit({ type: 'usage', usage });
  }

  #end(emit: Emit): void {
    this.#ended = true;
    for (const number of [...this.#open.keys()]) this.#closeBlock(number, emit);
    if (!this.#stopped) emit({ type: 'stop', stop: { kind: 'end' } });
    emit({ type: 'end' });
  }
}

/** Google puts an error of its own into an array. */
function parseEvent(data: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch (cause) {
    throw new GatewayError('upstream_malformed', 'The provider sent a stream event that is not JSON.', {
      cause,
    });
  }
  const event: unknown = Array.isArray(value) ? value[0] : value;
  if (!isObject(event))
    throw new GatewayError('upstream_malformed', 'The provider sent a stream event that is not an object.');
  return event;
}
