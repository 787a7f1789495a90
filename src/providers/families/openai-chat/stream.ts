/**
 * Chat Completions chunks to events.
 *
 * Terminal is `[DONE]`, or a clean close after every choice had its finish_reason: some servers never send [DONE]. A stream that was ended
 * without ever having begun an answer was cut.
 */
import { GatewayError } from '../../../core/errors.ts';
import type { Emit } from '../../../core/event.ts';
import { isObject } from '../../../core/json.ts';
import type { Frame, FrameDecoder } from '../../../core/stream.ts';
import { ChatReader } from './chat-reader.ts';

export interface ChatFrameDecoder extends FrameDecoder {
  /** The server said [DONE]. */
  readonly done: boolean;
  /** The answer ended well. */
  readonly ended: boolean;
}

export function createChatFrameDecoder(readError: (error: unknown) => GatewayError): ChatFrameDecoder {
  const reader = new ChatReader(readError);
  let done = false;
  let over = false;
  let ended = false;

  function end(emit: Emit): void {
    over = true;
    if (reader.empty) {
      emit({
        type: 'error',
        error: new GatewayError('upstream_truncated', 'The provider ended its stream without an answer.'),
      });
      return;
    }
    ended = true;
    reader.end(emit);
  }

  return {
    get done() {
      return done;
    },
    get ended() {
      return ended;
    },
    frame(frame: Frame, emit: Emit) {
      if (frame.data.trim() === '[DONE]') {
        done = true;
        if (!over) end(emit);
        return;
      }
      if (over) return;
      const chunk = parseChunk(frame.data);
      const failure = frame.name === 'error' ? readError(chunk) : reader.read(chunk, emit);
      if (failure === undefined) return;
      over = true;
      emit({ type: 'error', error: failure });
    },
    finish(emit: Emit) {
      if (!over && reader.complete) end(emit);
    },
  };
}

function parseChunk(data: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch (cause) {
    throw new GatewayError('upstream_malformed', 'The provider sent a stream chunk that is not JSON.', {
      cause,
    });
  }
  // Gemini's face of the protocol sends its errors in a list.
  const chunk = Array.isArray(value) ? value[0] : value;
  if (!isObject(chunk))
    throw new GatewayError('upstream_malformed', 'The provider sent a stream chunk that is not an object.');
  return chunk;
}
