/** `POST /v1/messages/batches`: one object of up to 100,000 requests, taken apart as it arrives. */
import { GatewayError } from '../../../core/errors.ts';
import type { BatchRequest, BatchWorld } from '../contract.ts';
import { wrong } from '../read-line.ts';
import { readUpload, Submission } from '../read-upload.ts';
import { sendJson } from '../reply.ts';
import { dayMs, readBatchTerms, refuseUnknown } from '../terms.ts';
import { encodeBatch } from './batch-object.ts';
import { originOf } from './origin.ts';
import { endpoint, readElement, shapeId, writeElement } from './shape.ts';

const mostRequests = 100_000;
const elementKeys = ['custom_id', 'params'];

export async function create(world: BatchWorld, request: BatchRequest): Promise<void> {
  const { asker, incoming } = request;
  const terms = readBatchTerms(incoming.headers, dayMs);
  const submission = new Submission(readUpload(incoming, world.maxUploadBytes), 'requests');
  if (!(await submission.hasArray()))
    throw wrong('requests', 'requests: Field required: an array of {"custom_id", "params"}.');
  const lines = new Lines(submission, protocolHeaders(world, incoming.headers));
  const input = await world.desk.addInput(asker.owner, lines.read());
  const { batch, replayed } = await world.desk.create(
    asker.owner,
    { shape: shapeId, endpoint, input, metadata: {}, ...terms },
    asker.team,
  );
  // Its lines are yet to be counted, but the caller wants to see what it has sent.
  const count = Math.max(batch.counts.total, replayed ? 0 : lines.count);
  sendJson(
    request,
    encodeBatch(batch, originOf(incoming), count),
    replayed ? ['idempotent-replayed', 'true'] : [],
  );
}

/** They hold for all requests of the batch, as they would for each by itself. */
function protocolHeaders(
  { dialects }: BatchWorld,
  headers: BatchRequest['incoming']['headers'],
): Readonly<Record<string, string>> {
  const names = dialects.find((dialect) => dialect.path === endpoint)?.forwardedHeaders ?? [];
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = headers[name];
      return typeof value === 'string' ? [[name, value]] : [];
    }),
  );
}

class Lines {
  count = 0;
  readonly #submission: Submission;
  readonly #headers: Readonly<Record<string, string>>;
  /** At most 100,000 of 64 characters, and only while they are sent. */
  readonly #ids = new Set<string>();

  constructor(submission: Submission, headers: Readonly<Record<string, string>>) {
    this.#submission = submission;
    this.#headers = headers;
  }

  async *read(): AsyncGenerator<Buffer, void, undefined> {
    for await (const elements of this.#submission.elements())
      yield Buffer.concat(elements.map((element) => this.#line(element)));
    refuseUnknown(Object.keys(this.#submission.fields()), ['requests']);
    if (this.count === 0) throw wrong('requests', 'requests: List should have at least 1 item.');
  }

  #line(bytes: Buffer): Buffer {
    const index = this.count++;
    if (index >= mostRequests)
      throw new GatewayError(
        'request_too_large',
        `requests: over ${mostRequests}. Split them into several batches.`,
      );
    try {
      const element = readElement(bytes);
      refuseUnknown(element.outer.fields.keys(), elementKeys);
      if (this.#ids.has(element.customId))
        throw wrong('custom_id', `"${element.customId}" is the "custom_id" of an earlier request too.`);
      this.#ids.add(element.customId);
      return writeElement(element, this.#headers);
    } catch (thrown) {
      if (!(thrown instanceof GatewayError)) throw thrown;
      const param = thrown.param === undefined ? `requests.${index}` : `requests.${index}.${thrown.param}`;
      throw new GatewayError(thrown.code, `${param}: ${thrown.message}`, { param });
    }
  }
}
