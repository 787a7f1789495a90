/**
 * GenerateContentResponses to events. Every chunk of a stream is one, and so is a whole answer: both go through here.
 *
 * Neighbouring parts of one kind extend one block. A signature closes its block, so that no signature is ever joined with text
 * that it was not made for; one that comes alone, at a stream's end, belongs to the text before it. A stream has no
 * terminal frame: it is complete when it closes and every candidate has said why it stopped.
 */
import type { Carry } from '../../../core/content.ts';
import { GatewayError } from '../../../core/errors.ts';
import type { BlockStart, Emit, Stop, TokenLogprob } from '../../../core/event.ts';
import type { MakeId } from '../../../core/ids.ts';
import { asArray, asNumber, asObject, asString, isObject } from '../../../core/json.ts';
import type { Frame, FrameDecoder } from '../../../core/stream.ts';
import { createPartialArguments, type PartialArguments } from './partial-arguments.ts';
import {
  isBrokenFinish,
  readCreated,
  readFinishReason,
  readLogprobs,
  readStop,
  readUsage,
} from './read-parts.ts';
import type { ToolNames } from './tools.ts';

/** No answer has this many; a stream that claims more is hostile. */
const maxBlocks = 10_000;
/** `candidateCount` goes to 8. */
const maxCandidates = 64;

type Fields = Readonly<Record<string, unknown>>;

export interface GeminiReading {
  readonly names: ToolNames;
  readonly makeId: MakeId;
  readonly readError: (body: unknown) => GatewayError;
}

interface CandidateState {
  open: { readonly type: 'text' | 'reasoning'; readonly index: number } | undefined;
  /** A call whose arguments still arrive in pieces. */
  call: { readonly index: number; readonly custom: boolean; readonly pieces: PartialArguments } | undefined;
  called: boolean;
  finish: string | undefined;
  /** The prompt itself was refused: there is no answer, whatever the reason is called. */
  blocked: boolean;
}

export function createGeminiFrameDecoder(reading: GeminiReading): FrameDecoder {
  return new GeminiFrameDecoder(reading);
}

/** A whole answer. Throws where a stream would emit `error`. */
export function readGeminiAnswer(body: unknown, emit: Emit, reading: GeminiReading): void {
  const decoder = new GeminiFrameDecoder(reading);
  let ended = false;
  const watch: Emit = (event) => {
    if (event.type === 'error') throw event.error;
    if (event.type === 'end') ended = true;
    emit(event);
  };
  decoder.read(body, watch);
  decoder.finish(watch, 'FINISH_REASON_UNSPECIFIED');
  if (!ended)
    throw new GatewayError(
      'upstream_malformed',
      'The provider’s answer has neither candidates nor a reason.',
    );
}

class GeminiFrameDecoder implements FrameDecoder {
  readonly #reading: GeminiReading;
  readonly #candidates = new Map<number, CandidateState>();
  #started = false;
  #ended = false;
  #nextIndex = 0;

  constructor(reading: GeminiReading) {
    this.#reading = reading;
  }

  frame(frame: Frame, emit: Emit): void {
    if (this.#ended) return;
    let value: unknown;
    try {
      value = JSON.parse(frame.data);
    } catch (cause) {
      throw new GatewayError('upstream_malformed', 'The provider sent a stream chunk that is not JSON.', {
        cause,
      });
    }
    this.read(value, emit);
  }

  /** One response, or a list of them: errors, and streams without `alt=sse`, come in arrays. */
  read(value: unknown, emit: Emit): void {
    for (const chunk of Array.isArray(value) ? value : [value]) {
      if (this.#ended) return;
      if (!isObject(chunk))
        throw new GatewayError('upstream_malformed', 'The provider sent an answer that is not an object.');
      this.#readChunk(chunk, emit);
    }
  }

  /** `unfinished`: the reason to assume for a candidate that gave none; absent: such an answer was cut. */
  finish(emit: Emit, unfinished?: string): void {
    const states = [...this.#candidates];
    if (this.#ended || states.length === 0) return;
    if (unfinished === undefined && states.some(([, state]) => state.finish === undefined)) return;
    this.#ended = true;
    for (const [choice, state] of states) {
      this.#closeAll(state, emit);
      const raw = state.finish ?? unfinished ?? '';
      const stop: Stop = state.blocked ? { kind: 'filter', raw } : readStop(raw, state.called);
      emit({ type: 'stop', stop, ...(choice === 0 ? {} : { choice }) });
    }
    emit({ type: 'end' });
  }

  #readChunk(chunk: Fields, emit: Emit): void {
    if (chunk['error'] !== undefined && chunk['error'] !== null) {
      this.#fail(this.#reading.readError(chunk), emit);
      return;
    }
    this.#start(chunk, emit);
    for (const [position, candidate] of asArray(chunk['candidates']).entries()) {
      if (isObject(candidate) && !this.#ended) this.#readCandidate(candidate, position, emit);
    }
    if (this.#ended) return;
    const blocked = readFinishReason(asObject(chunk['promptFeedback'])['blockReason']);
    if (blocked !== undefined && this.#candidates.size === 0)
      Object.assign(this.#candidate(0), { finish: blocked, blocked: true });
    const usage = readUsage(chunk['usageMetadata']);
    if (usage !== undefined) emit({ type: 'usage', usage });
  }

  #fail(error: GatewayError, emit: Emit): void {
    this.#ended = true;
    emit({ type: 'error', error });
  }

  #start(chunk: Fields, emit: Emit): void {
    if (this.#started) return;
    this.#started = true;
    const createdAtS = readCreated(chunk['createTime']);
    emit({
      type: 'start',
      id: asString(chunk['responseId']) ?? '',
      model: asString(chunk['modelVersion']) ?? '',
      ...(createdAtS === undefined ? {} : { createdAtS }),
    });
  }

  #candidate(choice: number): CandidateState {
    let state = this.#candidates.get(choice);
    if (state === undefined) {
      if (this.#candidates.size >= maxCandidates)
        throw new GatewayError('upstream_malformed', `The provider sent over ${maxCandidates} candidates.`);
      state = { open: undefined, call: undefined, called: false, finish: undefined, blocked: false };
      this.#candidates.set(choice, state);
    }
    return state;
  }

  #readCandidate(candidate: Fields, position: number, emit: Emit): void {
    const choice = asNumber(candidate['index']) ?? position;
    const state = this.#candidate(choice);
    const logprobs = readLogprobs(candidate['logprobsResult']);
    let untold = logprobs;
    for (const part of asArray(asObject(candidate['content'])['parts'])) {
      if (isObject(part)) untold = this.#readPart(choice, state, part, untold, emit);
    }
    // Tokens whose text came in no part of their own, such as the last of a stream.
    if (untold !== undefined && state.open?.type === 'text')
      emit({ type: 'block-delta', index: state.open.index, text: '', logprobs: untold });
    const finish = readFinishReason(candidate['finishReason']);
    if (finish === undefined) return;
    if (isBrokenFinish(finish)) this.#fail(unusable(finish), emit);
    else state.finish = finish;
  }

  /** Answers the log probabilities that are still untold. */
  #readPart(
    choice: number,
    state: CandidateState,
    part: Fields,
    logprobs: readonly TokenLogprob[] | undefined,
    emit: Emit,
  ): readonly TokenLogprob[] | undefined {
    const carry = readCarry(part);
    if (isObject(part['functionCall'])) {
      this.#readCall(choice, state, part['functionCall'], carry, emit);
      return logprobs;
    }
    const text = asString(part['text']);
    if (text !== undefined) {
      const thought = part['thought'] === true;
      this.#readText(
        choice,
        state,
        thought ? 'reasoning' : 'text',
        text,
        carry,
        thought ? undefined : logprobs,
        emit,
      );
      return thought || text === '' ? logprobs : undefined;
    }
    // Pictures that the model thinks with are no answer.
    if (part['thought'] === true) return logprobs;
    this.#closeAll(state, emit);
    const block = readWholePart(part);
    if (block !== undefined) emit({ type: 'block-stop', index: this.#begin(choice, block, emit) });
    return logprobs;
  }

  #readText(
    choice: number,
    state: CandidateState,
    type: 'text' | 'reasoning',
    text: string,
    carry: Carry | undefined,
    logprobs: readonly TokenLogprob[] | undefined,
    emit: Emit,
  ): void {
    if (text === '' && carry === undefined) return;
    this.#closeCall(state, emit);
    if (state.open?.type !== type) {
      this.#closeOpen(state, emit);
      state.open = { type, index: this.#begin(choice, { type }, emit) };
    }
    const { index } = state.open;
    if (text !== '')
      emit({ type: 'block-delta', index, text, ...(logprobs === undefined ? {} : { logprobs }) });
    if (carry === undefined) return;
    emit({ type: 'block-carry', index, carry });
    this.#closeOpen(state, emit);
  }

  #readCall(choice: number, state: CandidateState, call: Fields, carry: Carry | undefined, emit: Emit): void {
    const wireName = asString(call['name']) ?? '';
    if (wireName !== '') this.#openCall(choice, state, wireName, asString(call['id']), carry, emit);
    const open = state.call;
    if (open === undefined) return;
    if (isObject(call['args'])) open.pieces.replace(call['args']);
    open.pieces.add(call['partialArgs']);
    // Without it the call is whole: at once as a rule, with an empty `functionCall` after streamed pieces.
    if (call['willContinue'] !== true) this.#closeCall(state, emit);
  }

  #openCall(
    choice: number,
    state: CandidateState,
    wireName: string,
    id: string | undefined,
    carry: Carry | undefined,
    emit: Emit,
  ): void {
    this.#closeAll(state, emit);
    const { name, kind } = this.#reading.names.fromWire(wireName);
    const index = this.#begin(
      choice,
      {
        type: 'tool-call',
        id: id === undefined || id === '' ? this.#reading.makeId('call_') : id,
        name,
        kind,
        ...(carry === undefined ? {} : { carry }),
      },
      emit,
    );
    state.called = true;
    state.call = { index, custom: kind === 'custom', pieces: createPartialArguments() };
  }

  #closeAll(state: CandidateState, emit: Emit): void {
    this.#closeCall(state, emit);
    this.#closeOpen(state, emit);
  }

  #closeOpen(state: CandidateState, emit: Emit): void {
    if (state.open !== undefined) emit({ type: 'block-stop', index: state.open.index });
    state.open = undefined;
  }

  #closeCall(state: CandidateState, emit: Emit): void {
    const { call } = state;
    if (call === undefined) return;
    state.call = undefined;
    const json = call.pieces.json();
    const text = call.custom ? unwrapInput(json) : json;
    if (text !== '') emit({ type: 'block-delta', index: call.index, text });
    emit({ type: 'block-stop', index: call.index });
  }

  #begin(choice: number, block: BlockStart, emit: Emit): number {
    const index = this.#nextIndex++;
    if (index >= maxBlocks)
      throw new GatewayError('upstream_malformed', `The provider’s stream has over ${maxBlocks} blocks.`);
    emit({ type: 'block-start', index, block, ...(choice === 0 ? {} : { choice }) });
    return index;
  }
}

function readCarry(part: Fields): Carry | undefined {
  const payload = asString(part['thoughtSignature']);
  return payload === undefined || payload === '' ? undefined : { family: 'gemini', payload };
}

/** A generated picture, or something that only Gemini knows (code it ran). */
function readWholePart(part: Fields): BlockStart | undefined {
  const inline = asObject(part['inlineData']);
  const mimeType = asString(inline['mimeType']);
  const data = asString(inline['data']);
  if (mimeType?.startsWith('image/') === true && data !== undefined) return { type: 'image', mimeType, data };
  return Object.keys(part).length === 0 ? undefined : { type: 'opaque', protocol: 'gemini', raw: part };
}

/** The one property that stands in for a custom tool's free text. */
function unwrapInput(json: string): string {
  const input = asObject(JSON.parse(json))['input'];
  return asString(input) ?? (input === undefined ? '' : JSON.stringify(input));
}

/** `finishMessage` quotes what the model wrote, so it stays out of ours. */
function unusable(reason: string): GatewayError {
  return new GatewayError(
    'upstream_malformed',
    `The model wrote a tool call that cannot be used (${reason}).`,
    {
      retry: 'same',
      upstream: { type: reason },
    },
  );
}
