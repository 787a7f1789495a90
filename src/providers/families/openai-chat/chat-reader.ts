/**
 * Chat Completions objects to events: the chunks of a stream, or a whole answer, which is read as a stream of one chunk.
 *
 * Stops are told last, since usage and late calls may follow a finish_reason. Tool calls stay open side by side.
 */
import { GatewayError } from '../../../core/errors.ts';
import type { BlockStart, Emit } from '../../../core/event.ts';
import { asArray, asNumber, asObject, asString, isObject } from '../../../core/json.ts';
import { type ChoiceSink, OpenChoice } from './open-choice.ts';
import { readUsage } from './read-parts.ts';
import { failureOf } from './stop-words.ts';
import { madeToolId } from './tool-id.ts';

type Fields = Readonly<Record<string, unknown>>;

/** No answer has this many blocks, and none of OpenAI's this many choices; a stream that claims more is hostile. */
const maxBlocks = 10_000;
const maxChoices = 128;

export class ChatReader {
  readonly #readError: (error: unknown) => GatewayError;
  /** By the server's own number. Ours count from 0 in order of appearance, since some servers count from 1. */
  readonly #choices = new Map<number, { readonly number: number; readonly choice: OpenChoice }>();
  #started = false;
  #nextIndex = 0;
  #answerId = '';

  constructor(readError: (error: unknown) => GatewayError) {
    this.#readError = readError;
  }

  /** At least one choice was seen, and each has said why it stopped. */
  get complete(): boolean {
    return this.#choices.size > 0 && [...this.#choices.values()].every(({ choice }) => choice.finished);
  }

  get empty(): boolean {
    return this.#choices.size === 0;
  }

  /** A chunk, or a whole answer. Its error instead of events, if it is one. */
  read(chunk: Fields, emit: Emit): GatewayError | undefined {
    const choices = asArray(chunk['choices']).filter(isObject);
    const failure = this.#failure(chunk, choices);
    if (failure !== undefined) return failure;
    const usage = readUsage(
      // Moonshot reports inside the choice, Groq beside it.
      chunk['usage'] ?? choices[0]?.['usage'] ?? asObject(chunk['x_groq'])['usage'],
      chunk['service_tier'],
    );
    // Azure opens with a chunk that has no id, model or choices: the real start is the first that has one of them.
    if (choices.length > 0 || usage !== undefined || (asString(chunk['id']) ?? '') !== '')
      this.#start(chunk, emit);
    for (const [position, value] of choices.entries()) {
      const key = asNumber(value['index']) ?? position;
      const { number, choice } = this.#choice(key);
      choice.read(value, this.#sink(number, emit));
    }
    if (usage !== undefined) emit({ type: 'usage', usage });
    return undefined;
  }

  end(emit: Emit): void {
    for (const { number, choice } of this.#choices.values()) choice.end(this.#sink(number, emit));
    emit({ type: 'end' });
  }

  #failure(chunk: Fields, choices: readonly Fields[]): GatewayError | undefined {
    if (isErrorObject(chunk)) return this.#readError(chunk);
    for (const value of choices) {
      if (isObject(value['error'])) return this.#readError({ error: value['error'] });
      const failure = failureOf(asString(value['finish_reason']) ?? '');
      if (failure !== undefined) return failure;
    }
    return undefined;
  }

  #start(chunk: Fields, emit: Emit): void {
    if (this.#started) return;
    this.#started = true;
    const id = asString(chunk['id']) ?? '';
    const createdAtS = asNumber(chunk['created']);
    this.#answerId = `${id}/${createdAtS ?? 0}`;
    emit({
      type: 'start',
      id,
      model: asString(chunk['model']) ?? '',
      ...(createdAtS === undefined || createdAtS <= 0 ? {} : { createdAtS }),
    });
  }

  #choice(key: number): { readonly number: number; readonly choice: OpenChoice } {
    const known = this.#choices.get(key);
    if (known !== undefined) return known;
    const number = this.#choices.size;
    if (number >= maxChoices)
      throw new GatewayError('upstream_malformed', `The provider’s answer has over ${maxChoices} choices.`);
    const made = { number, choice: new OpenChoice(number) };
    this.#choices.set(key, made);
    return made;
  }

  #sink(number: number, emit: Emit): ChoiceSink {
    return {
      emit,
      begin: (block: BlockStart): number => {
        const index = this.#nextIndex++;
        if (index >= maxBlocks)
          throw new GatewayError('upstream_malformed', `The provider’s answer has over ${maxBlocks} blocks.`);
        emit({ type: 'block-start', index, block, ...(number === 0 ? {} : { choice: number }) });
        return index;
      },
      makeId: (position) => madeToolId(this.#answerId, number, position),
    };
  }
}

/** `{error: …}`, or vLLM's `{object: "error", message}`, or the bare `{detail}` of a proxy. */
export function isErrorObject(value: Fields): boolean {
  const error = value['error'];
  if (isObject(error) || (typeof error === 'string' && error !== '')) return true;
  if (value['object'] === 'error' || value['type'] === 'error') return true;
  return value['choices'] === undefined && value['detail'] !== undefined;
}
