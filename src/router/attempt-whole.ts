/** One attempt whose answer is not streamed: collected whole, read, and only then given to the caller. */
import { type Answer, createFold, type EmbeddingAnswer } from '../core/answer.ts';
import { asGatewayError } from '../core/errors.ts';
import { mergeUsage, type Usage } from '../core/usage.ts';
import type {
  ChatEndpoint,
  CountEndpoint,
  EmbeddingEndpoint,
  Endpoint,
  ResponseHeaders,
} from '../providers/contract.ts';
import type { AttemptInput, Outcome } from './attempt.ts';
import { createBody, readJson } from './body.ts';
import type { WholeSink } from './contract.ts';
import { type ExchangeWorld, startExchange } from './exchange.ts';

/** What a whole answer amounts to. `answer` is absent where the bytes are relayed and only watched. */
interface Reading<A> {
  readonly answer: A | undefined;
  readonly usage: Usage | undefined;
}

/** Reads a body; throws `GatewayError` for an error inside a success, and for what cannot be read. */
export type ReadAnswer<A> = (body: Buffer, relay: boolean) => Reading<A>;

export function readChat(endpoint: ChatEndpoint): ReadAnswer<Answer> {
  return (body, relay) => {
    if (relay) return { answer: undefined, usage: watchAnswer(endpoint, body) };
    const fold = createFold();
    endpoint.readAnswer(readJson(body), fold.add);
    const answer = fold.answer();
    return { answer, usage: answer.usage };
  };
}

export function readEmbedding(endpoint: EmbeddingEndpoint): ReadAnswer<EmbeddingAnswer> {
  return (body) => {
    const answer = endpoint.readAnswer(readJson(body));
    return { answer, usage: answer.usage };
  };
}

export function readCount(endpoint: CountEndpoint): ReadAnswer<{ readonly inputTokens: number }> {
  return (body) => ({ answer: endpoint.readAnswer(readJson(body)), usage: undefined });
}

/** A relayed answer is still read: for its usage, and so that an error inside a 200 moves on. */
function watchAnswer(endpoint: ChatEndpoint, body: Buffer): Usage | undefined {
  const seen = endpoint.watchAnswer?.(body);
  if (seen !== undefined) return seen.usage;
  let usage: Usage | undefined;
  endpoint.readAnswer(readJson(body), (event) => {
    if (event.type === 'error') throw event.error;
    if (event.type === 'usage') usage = mergeUsage(usage, event.usage);
  });
  return usage;
}

export function attemptWhole<A>(
  world: ExchangeWorld,
  input: AttemptInput,
  endpoint: Endpoint<never>,
  read: ReadAnswer<A>,
  sink: WholeSink<A>,
): Promise<Outcome> {
  const { call, target, tried } = input;
  const prepared = call.prepare(endpoint, input.strict);
  return new Promise((resolve) => {
    const body = createBody();
    let upstreamHeaders: ResponseHeaders = {};
    const forgetClose = sink.onClose(() => {
      sending.abort();
      resolve({ kind: 'client-closed' });
    });

    function finish(outcome: Outcome): void {
      forgetClose();
      resolve(outcome);
    }

    const sending = startExchange(
      world,
      { call, target, endpoint, prepared, stream: false, remainingMs: input.remainingMs },
      {
        onHead(headers) {
          upstreamHeaders = headers;
        },
        onData(chunk) {
          try {
            body.add(chunk);
          } catch (thrown) {
            sending.abort();
            finish({ kind: 'failed', error: asGatewayError(thrown) });
          }
        },
        onEnd() {
          try {
            const bytes = body.bytes();
            const { answer, usage } = read(bytes, prepared.relay);
            const served = { target, prepared, tried, upstreamHeaders, usage };
            if (prepared.relay || answer === undefined) sink.relay(served, bytes);
            else sink.answer(served, answer);
            finish({ kind: 'served', usage });
            if (input.keep !== undefined && bytes.length <= input.keep.mostBytes)
              input.keep.answered('whole', bytes);
          } catch (thrown) {
            finish({ kind: 'failed', error: asGatewayError(thrown) });
          }
        },
        onFailure: (error) => finish({ kind: 'failed', error }),
      },
    );
  });
}
