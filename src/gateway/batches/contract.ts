/**
 * A way in for batches: an API shape that apps submit batches by. One folder here each; `npm run gen` lists them in the registry.
 * It maps its endpoints onto the batch desk and knows no provider.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { BatchDesk } from '../../batch/desk/contract.ts';
import type { BatchShape } from '../../batch/shape/contract.ts';
import type { GatewayError } from '../../core/errors.ts';
import type { MakeId } from '../../core/ids.ts';
import type { AnyDialect, ErrorBody } from '../dialects/contract.ts';

/** Who asks, as the gateway has found out. */
export interface Asker {
  /** Name of the key; '' where none is asked for. */
  readonly owner: string;
  readonly team?: string;
}

/** What a way in is given of the world. */
export interface BatchWorld {
  readonly desk: BatchDesk;
  readonly dialects: readonly AnyDialect[];
  readonly makeId: MakeId;
  readonly now: () => number;
  /** Of an upload or an inline submission. */
  readonly maxUploadBytes: number;
}

export interface BatchRequest {
  readonly asker: Asker;
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  readonly requestId: string;
  /** Of the path's `:name` parts, decoded. */
  readonly path: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
}

/** One endpoint. It answers by itself, also with streams; what it throws becomes `encodeError`, if nothing was sent yet. */
export interface BatchRoute {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Hono's pattern, such as `/v1/batches/:id`. */
  readonly path: string;
  handle(world: BatchWorld, request: BatchRequest): Promise<void>;
}

/** One folder under `batches/` exports one of these as `batches`. */
export interface BatchFolder {
  readonly id: string;
  /** `dialects`: those that its lines are read in. */
  shape(dialects: readonly AnyDialect[]): BatchShape;
  readonly routes: readonly BatchRoute[];
  encodeError(error: GatewayError, requestId: string): ErrorBody;
}
