/** Serving a request, once it is known what is asked and of which route. Operations differ in which endpoint of a target they use and how its answer is written. */
import type { ServerResponse } from 'node:http';
import { countRequest, loadTokenizer } from '../catalog/tokenizer.ts';
import type { Answer, EmbeddingAnswer } from '../core/answer.ts';
import { GatewayError } from '../core/errors.ts';
import type { AttemptInput, Outcome } from '../router/attempt.ts';
import { attemptStream } from '../router/attempt-stream.ts';
import { attemptWhole, readChat, readCount, readEmbedding } from '../router/attempt-whole.ts';
import type { Cascade } from '../router/cascade/contract.ts';
import type { Target } from '../router/chain/contract.ts';
import type { AttemptRecord, Call, Policy, Route } from '../router/contract.ts';
import { Pass } from '../router/gate.ts';
import { walk } from '../router/walk.ts';
import { answerAgain } from './answer-again.ts';
import type { DecodableCall } from './call.ts';
import { mayCompare, offerComparison } from './canary-compare.ts';
import { serveCascade } from './cascade/serve-cascade.ts';
import { streamWay, type Way, wholeWay } from './cascade/way.ts';
import type { AnswerContext, ChatDialect, CountDialect, EmbeddingDialect } from './dialects/contract.ts';
import type { Ended } from './ended.ts';
import type { CachedCall } from './kept-answers.ts';
import { type Replay, replayEmbedding, replayStream, replayWhole } from './replay.ts';
import { type Reply, StreamReply, WholeReply } from './reply.ts';
import type { GatewayWorld } from './world.ts';

type TryOnce = (input: AttemptInput) => Promise<Outcome>;

/** All that serving a request takes beside the request. */
export interface Serving {
  readonly world: GatewayWorld;
  readonly policy: Policy;
  readonly route: Route;
  readonly outgoing: ServerResponse;
  /** Told which reply it is, so that a defect on the way can still be answered, and on what terms it is asked for. */
  readonly asked: { reply: Reply | undefined; call: Call | undefined };
}

export function serveStream(
  serving: Serving,
  dialect: ChatDialect,
  call: DecodableCall<ReturnType<ChatDialect['decode']>>,
): Promise<Ended> {
  const { world, outgoing } = serving;
  const reply = new StreamReply(
    outgoing,
    call.id,
    dialect,
    () => dialect.openStream(contextOf(world, call)),
    world.clock,
  );
  const { cascade } = serving.route;
  if (cascade !== undefined) return inCascade(serving, cascade, call, streamWay(world.exchange, reply));
  if (mayCompare(world, serving.route))
    return compared(serving, call, streamWay(world.exchange, reply), replayStream(reply));
  const tryOnce: TryOnce = (input) => {
    const { chat } = input.target;
    return chat === undefined ? noEndpoint(input.target) : attemptStream(world.exchange, input, chat, reply);
  };
  return serveKept(serving, call, reply, tryOnce, replayStream(reply));
}

export function serveWhole(
  serving: Serving,
  dialect: ChatDialect,
  call: DecodableCall<ReturnType<ChatDialect['decode']>>,
): Promise<Ended> {
  const { world, outgoing } = serving;
  const reply = new WholeReply<Answer>(outgoing, call.id, dialect, (answer) =>
    dialect.encodeAnswer(answer, contextOf(world, call)),
  );
  const { cascade } = serving.route;
  if (cascade !== undefined) return inCascade(serving, cascade, call, wholeWay(world.exchange, reply));
  if (mayCompare(world, serving.route))
    return compared(serving, call, wholeWay(world.exchange, reply), replayWhole(reply));
  const tryOnce: TryOnce = (input) => {
    const { chat } = input.target;
    return chat === undefined
      ? noEndpoint(input.target)
      : attemptWhole(world.exchange, input, chat, readChat(chat), reply);
  };
  return serveKept(serving, call, reply, tryOnce, replayWhole(reply));
}

function inCascade(
  { world, policy, route, asked }: Serving,
  cascade: Cascade,
  call: DecodableCall<ReturnType<ChatDialect['decode']>>,
  way: Way,
): Promise<Ended> {
  asked.reply = way.reply;
  asked.call = call;
  return serveCascade({ world, cascades: world.cascades, cascade, route, policy, call, way });
}

/** As any other, and overheard, so that the usual chain's answer can be held beside it. */
async function compared(
  serving: Serving,
  call: DecodableCall<ReturnType<ChatDialect['decode']>>,
  way: Way,
  replay: Replay,
): Promise<Ended> {
  const { world, route, policy } = serving;
  const { tryOnce, heard } = way.overhear();
  const ended = await serveKept(serving, call, way.reply, tryOnce, replay);
  offerComparison(world, { call, route, policy }, ended, heard);
  return ended;
}

/** Decodes the request if nobody has yet: a relayed answer never needs it. */
function contextOf(
  world: GatewayWorld,
  call: DecodableCall<ReturnType<ChatDialect['decode']>>,
): AnswerContext {
  return { requestId: call.id, nowS: Math.floor(world.clock.now() / 1000), request: call.request() };
}

export function serveEmbedding(
  serving: Serving,
  dialect: EmbeddingDialect,
  call: DecodableCall<ReturnType<EmbeddingDialect['decode']>>,
): Promise<Ended> {
  const { world, outgoing } = serving;
  const encode = (answer: EmbeddingAnswer) => dialect.encodeAnswer(answer, call.request());
  const reply = new WholeReply<EmbeddingAnswer>(outgoing, call.id, dialect, encode);
  const tryOnce: TryOnce = (input) => {
    const { embeddings } = input.target;
    if (embeddings === undefined) return noEndpoint(input.target);
    return attemptWhole(world.exchange, input, embeddings, readEmbedding(embeddings), reply);
  };
  return serveKept(serving, call, reply, tryOnce, replayEmbedding(reply));
}

export async function serveCount(
  serving: Serving,
  dialect: CountDialect,
  call: DecodableCall<ReturnType<CountDialect['decode']>>,
): Promise<Ended> {
  const { world, outgoing, route } = serving;
  const reply = new WholeReply<{ readonly inputTokens: number }>(
    outgoing,
    call.id,
    dialect,
    dialect.encodeAnswer,
  );
  const targets = [route.chain, ...route.rules.map((rule) => rule.chain)]
    .flat()
    .flatMap((step) => step.options.map(({ target }) => target));
  if (!targets.some(({ countTokens }) => countTokens !== undefined)) {
    reply.estimate({ inputTokens: await countHere(world, call, targets[0]) });
    return { outcome: 'served', code: undefined, tried: [], decided: undefined };
  }
  return serve(serving, call, reply, (input) => {
    const { countTokens } = input.target;
    if (countTokens === undefined) return noEndpoint(input.target);
    return attemptWhole(world.exchange, input, countTokens, readCount(countTokens), reply);
  });
}

/** No target of the route can count: the model's own tokeniser where there is one, else our estimate; said to be one. */
async function countHere(
  world: GatewayWorld,
  call: DecodableCall<ReturnType<CountDialect['decode']>>,
  target: Target | undefined,
): Promise<number> {
  if (target === undefined) return call.facts.inputTokens;
  const count = await loadTokenizer(target.model);
  if (count !== undefined) return countRequest(call.request(), count);
  return Math.ceil(world.estimates.estimateInput(target.model.id, call.facts.inputTokens));
}

/** By an answer that was kept, where the route keeps any, else by the targets. */
async function serveKept(
  serving: Serving,
  call: CachedCall,
  reply: Reply,
  tryOnce: TryOnce,
  replay: Replay,
): Promise<Ended> {
  const { world, route, policy, asked } = serving;
  if (route.cache === undefined) return serve(serving, call, reply, tryOnce);
  asked.reply = reply;
  asked.call = call;
  const pass = new Pass(world.gate, call, route, policy);
  const again = await answerAgain({ world, route, policy: route.cache, call, reply, pass, replay });
  if (again.kind === 'ended') return again.ended;
  const { keepFor, notes } = again;
  const keeping: TryOnce = (input) => tryOnce({ ...input, keep: keepFor(input.target) });
  return { ...(await serve(serving, call, reply, keeping)), notes };
}

async function serve(serving: Serving, call: Call, reply: Reply, tryOnce: TryOnce): Promise<Ended> {
  const { world, route, policy, asked } = serving;
  asked.reply = reply;
  asked.call = call;
  const pass = new Pass(world.gate, call, route, policy);
  const result = await walk(world.walk, call, route, reply, pass, (target, tried, remainingMs) =>
    tryOnce({
      call,
      target,
      tried: tried.length === 0 ? noneTried : [...tried],
      strict: route.strict,
      remainingMs,
    }),
  );
  if (result.kind === 'failed') reply.refuse(result.error, result.tried);
  return {
    outcome: result.kind,
    code: result.kind === 'failed' ? result.error.code : undefined,
    tried: result.tried,
    decided: result.decided,
  };
}

const noneTried: readonly AttemptRecord[] = [];

function noEndpoint(target: Target): Promise<Outcome> {
  const error = new GatewayError('unsupported', `${target.name} does not offer this operation.`);
  return Promise.resolve({ kind: 'failed', error });
}
