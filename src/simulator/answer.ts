/** One call of a provider's API, answered in its own shape, with the faults, limits and bill that the plan says. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { isObject } from '../core/json.ts';
import { type Api, type Embedded, type Matched, Refused, type Rendered } from './apis/contract.ts';
import { type Ask, type Script, think } from './brain.ts';
import { skillOf } from './classify.ts';
import type { Fault } from './faults.ts';
import { asksFlex, servedTier } from './flex.ts';
import { happens } from './happens.ts';
import type { Arrival } from './log.ts';
import { sendWhole, type Written, wait, writeStream } from './respond.ts';
import type { State } from './state.ts';

export interface Call {
  readonly state: State;
  readonly api: Api;
  readonly matched: Matched;
  readonly instance: string;
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  readonly query: URLSearchParams;
  readonly bytes: Buffer;
}

type Body = Readonly<Record<string, unknown>>;

export async function answer(call: Call): Promise<void> {
  const { state, api, matched, instance, incoming, outgoing, query } = call;
  const body = parseJson(call.bytes);
  const model = matched.model ?? (isObject(body) && typeof body['model'] === 'string' ? body['model'] : '');
  const stream = matched.stream ?? (isObject(body) && body['stream'] === true);
  const arrival = state.log.add({
    instance,
    api: api.id,
    model,
    operation: matched.operation,
    stream,
    atMs: state.clock.now(),
  });
  outgoing.on('close', () => {
    if (!outgoing.writableFinished) arrival.aborted = true;
  });
  const refuse = (rendered: Rendered): void => {
    arrival.status = rendered.status;
    arrival.complete = true;
    outgoing.writeHead(rendered.status, { 'content-type': 'application/json', ...rendered.headers });
    outgoing.end(rendered.body);
  };
  if (!api.authorized(incoming.headers, query)) return refuse(api.refuse('auth', '', {}));
  if (!isObject(body))
    return refuse(api.refuse('bad-request', 'We could not parse the JSON body of your request.', {}));
  const flex = matched.operation === 'chat' && asksFlex(api, body, incoming.headers);
  const fault = state.faults.pick(instance, model, stream, flex);
  arrival.fault = fault?.kind;
  if (fault !== undefined && (await happens(fault, api, outgoing, refuse))) return;
  try {
    if (matched.operation === 'count-tokens') {
      // Free, and counted by limits of its own.
      arrival.status = 200;
      const counted = api.count?.(api.read(matched, body)) ?? {};
      arrival.complete = sendWhole(outgoing, api.headers({}, 'count'), counted, fault);
      return;
    }
    const work = prepare(call, body, servedTier(flex, fault), fault);
    const { limits } = state;
    const taken = limits.take(instance, model, work.inputTokens);
    if (!taken.ok) return refuse(api.refuse('rate-limit', '', { retryAfterS: taken.retryAfterMs / 1000 }));
    await perform(call, work, arrival, () => api.headers(taken.standing, work.id), fault).finally(() =>
      limits.release(instance, model, arrival.outputTokens),
    );
  } catch (thrown) {
    if (thrown instanceof Refused) return refuse(api.refuse(thrown.refusal, thrown.message, {}));
    throw thrown;
  }
}

/** What the model is going to say. */
type Work = { readonly id: string; readonly inputTokens: number; readonly cacheWriteTokens: number } & (
  | { readonly kind: 'embedding'; readonly embedded: Embedded }
  | { readonly kind: 'chat'; readonly ask: Ask; readonly script: Script; readonly body: Body }
);

function prepare(
  { state, api, matched, instance }: Call,
  body: Body,
  tier: Pick<Ask, 'tier'>,
  fault: Fault | undefined,
): Work {
  if (matched.operation === 'embedding') {
    const embedded = api.embed?.(matched, body) ?? { answer: {}, inputTokens: 0 };
    const { inputTokens } = embedded;
    return { kind: 'embedding', id: 'embedding', inputTokens, cacheWriteTokens: 0, embedded };
  }
  const read = { ...api.read(matched, body), ...tier };
  const ask =
    fault?.kind === 'verbose' ? { ...read, prompt: `[[tokens:${fault.words}]] ${read.prompt}` } : read;
  const { seed, answers } = state.plan;
  const script = think(ask, seed, skillOf(answers, instance, ask.model));
  const { input, cached: cacheWriteTokens } = script.usage;
  return {
    kind: 'chat',
    id: script.id,
    inputTokens: input + cacheWriteTokens,
    cacheWriteTokens,
    ask,
    script,
    body,
  };
}

/** Answers, and puts on the bill what was answered. */
async function perform(
  call: Call,
  work: Work,
  arrival: Arrival,
  headers: () => Readonly<Record<string, string>>,
  fault: Fault | undefined,
): Promise<void> {
  const { state, instance, outgoing } = call;
  const billIt = state.invoice.begin();
  arrival.answerId = work.kind === 'chat' ? work.id : undefined;
  arrival.status = 200;
  try {
    await wait(outgoing, state.plan.think_ms);
    const written = await send(call, work, headers(), fault);
    arrival.complete = written.complete;
    arrival.outputTokens = work.kind === 'chat' ? emitted(work.ask, work.script, written.share) : 0;
  } finally {
    const { model, operation, stream, outputTokens, complete } = arrival;
    const { inputTokens, cacheWriteTokens, id } = work;
    billIt(
      {
        instance,
        model,
        operation,
        stream,
        answerId: id,
        ...(work.kind === 'chat' && work.script.note !== undefined ? { note: work.script.note } : {}),
        atMs: state.clock.now(),
        inputTokens,
        cacheWriteTokens,
        ...(work.kind === 'chat' && work.ask.tier !== undefined ? { tier: work.ask.tier } : {}),
        outputTokens,
        complete,
      },
      state.plan.prices,
    );
  }
}

async function send(
  { api, matched, outgoing }: Call,
  work: Work,
  headers: Readonly<Record<string, string>>,
  fault: Fault | undefined,
): Promise<Written> {
  // What is not streamed is made before it is sent, so all of it is billed.
  const whole = (answered: object): Written => ({
    complete: sendWhole(outgoing, headers, answered, fault),
    share: 1,
  });
  if (work.kind === 'embedding') return whole(work.embedded.answer);
  const { ask, script, body } = work;
  if (!ask.stream) return whole(api.whole(matched, ask, script, body));
  if (outgoing.destroyed) return { complete: false, share: 0 };
  outgoing.writeHead(200, {
    'content-type': api.streamType(matched),
    'cache-control': 'no-cache',
    ...headers,
  });
  outgoing.flushHeaders();
  return writeStream(outgoing, {
    chunks: api.chunks(matched, ask, script, body),
    terminal: api.terminalChunks(matched, body),
    broken: api.brokenChunk(matched),
    error: api.errorChunk(matched),
    delayMs: script.chunkDelayMs,
    fault,
  });
}

/** Every choice is made of tokens of its own; the thinking is done once. */
function emitted(ask: Ask, { usage }: Script, share: number): number {
  return Math.ceil(((usage.output - usage.thinking) * ask.choices + usage.thinking) * share);
}

export function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    // Told to the caller in the API's own shape.
    return undefined;
  }
}
