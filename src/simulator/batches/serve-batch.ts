/** Offers a request to the batch APIs before its body is read: authorization, faults that all calls have, and the log are as for sync calls. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { isObject } from '../../core/json.ts';
import { happens } from '../happens.ts';
import { drained, sendJson } from '../respond.ts';
import type { State } from '../state.ts';
import { batchApis } from './apis.ts';
import type { BatchApi, BatchCall, StoredObject } from './contract.ts';

const mostJsonBytes = 1024 * 1024;

export interface Offered {
  readonly instance: string | undefined;
  readonly path: string;
  readonly query: URLSearchParams;
}

/** Undefined: no batch API knows it. */
export function offerBatch(
  state: State,
  { instance, path, query }: Offered,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> | undefined {
  const method = incoming.method ?? 'GET';
  const found = batchApis.find((one) => one.claims(method, path, query, incoming.headers));
  if (found === undefined) return undefined;
  return serve(state, found, { instance: instance ?? found.api.id, path, query }, incoming, outgoing);
}

async function serve(
  state: State,
  { api, serve: answer }: BatchApi,
  { instance, path, query }: Offered & { readonly instance: string },
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const method = incoming.method ?? 'GET';
  const operation = `batch ${method} ${path}`;
  const arrival = state.log.add({
    instance,
    api: api.id,
    model: '',
    operation,
    stream: false,
    atMs: state.clock.now(),
  });
  outgoing.on('close', () => {
    arrival.status = outgoing.headersSent ? outgoing.statusCode : 0;
    arrival.complete = outgoing.writableFinished;
    arrival.aborted = !outgoing.writableFinished;
  });
  const call = createCall(state, api, { instance, path, query }, incoming, outgoing);
  try {
    if (!api.authorized(incoming.headers, query)) return call.refuse('auth');
    const fault = state.faults.pick(instance, '', false);
    arrival.fault = fault?.kind;
    const refuse = (rendered: { status: number; headers: Readonly<Record<string, string>>; body: string }) =>
      call.send(rendered.status, rendered.body, rendered.headers);
    if (fault !== undefined && (await happens(fault, api, outgoing, refuse))) return;
    await answer(call);
  } catch (thrown) {
    // The caller went while its upload was read: nobody is left to be told.
    if (!incoming.readableAborted) throw thrown;
  } finally {
    incoming.resume();
  }
}

function createCall(
  state: State,
  api: BatchApi['api'],
  { instance, path, query }: Offered & { readonly instance: string },
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): BatchCall {
  const { objects } = state.batches;
  const send: BatchCall['send'] = (status, body, headers = {}) => {
    if (!outgoing.destroyed) sendJson(outgoing, status, headers, body);
  };
  return {
    engine: state.batches,
    instance,
    method: incoming.method ?? 'GET',
    path,
    query,
    headers: incoming.headers,
    incoming,
    outgoing,
    async readJson() {
      const chunks: Buffer[] = [];
      let bytes = 0;
      for await (const chunk of incoming) {
        if (!Buffer.isBuffer(chunk)) continue;
        bytes += chunk.length;
        if (bytes <= mostJsonBytes) chunks.push(chunk);
      }
      if (bytes > mostJsonBytes) return undefined;
      try {
        const body: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
        return isObject(body) ? body : undefined;
      } catch {
        // Told to the caller in the API's own shape.
        return undefined;
      }
    },
    send,
    refuse(refusal, message = '', options = {}) {
      const { status, headers, body } = api.refuse(refusal, message, options);
      send(status, body, headers);
    },
    async sendObject(object: StoredObject, headers, range) {
      const { start, end } = range ?? { start: 0, end: object.bytes };
      outgoing.writeHead(range === undefined ? 200 : 206, {
        'content-length': String(Math.max(0, Math.min(end, object.bytes) - start)),
        ...headers,
      });
      for await (const chunk of objects.read(object.key, { start, end })) {
        if (outgoing.destroyed) return;
        if (!outgoing.write(chunk)) await drained(outgoing);
      }
      outgoing.end();
    },
    lose: () => void outgoing.destroy(),
  };
}
