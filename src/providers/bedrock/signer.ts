/** Signature Version 4 over the whole request. The signing is AWS's own package; hashes are Node's. */
import { createHash, createHmac, type Hash, type Hmac } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';
import type { Clock } from '../../core/clock.ts';
import { GatewayError } from '../../core/errors.ts';
import type { WireRequest } from '../contract.ts';

/** The request with its authorization. A promise where keys have to be fetched or hashed. */
export type Authorize = (request: WireRequest) => WireRequest | Promise<WireRequest>;

export interface Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly expiration?: Date;
}

export type KeySource = () => Promise<Keys>;

/** Signs for one service in one region. Everything but `user-agent` and its like is signed, the body by its hash. */
export function createSigner(service: string, region: string, clock: Clock, keys: KeySource): Authorize {
  const signer = new SignatureV4({
    service,
    region,
    sha256: NodeSha256,
    credentials: keys,
    // The path is signed encoded once more: `%3A` in the URL is `%253A` to the signature.
    uriEscapePath: true,
    applyChecksum: true,
  });
  return async (request) => {
    const url = new URL(request.origin + request.path);
    const signed = await signer
      .sign(
        {
          method: request.method,
          protocol: url.protocol,
          hostname: url.hostname,
          path: url.pathname,
          query: Object.fromEntries(url.searchParams),
          headers: { ...request.headers, host: url.host },
          body: request.body,
        },
        { signingDate: new Date(clock.now()) },
      )
      .catch((cause: unknown) => {
        if (cause instanceof GatewayError) throw cause;
        throw new GatewayError('upstream_auth', 'The request to AWS could not be signed.', { cause });
      });
    // The connection writes its own host header, which is the one that was signed.
    const { host: _host, ...headers } = signed.headers;
    return { ...request, headers };
  };
}

/** The hash as the signer wants it. */
class NodeSha256 {
  readonly #secret: string | Uint8Array | undefined;
  #hash: Hash | Hmac;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#secret = secret === undefined || typeof secret === 'string' ? secret : toBytes(secret);
    this.#hash = this.#fresh();
  }

  update(data: string | ArrayBuffer | ArrayBufferView): void {
    this.#hash.update(typeof data === 'string' ? data : toBytes(data));
  }

  async digest(): Promise<Uint8Array> {
    return new Uint8Array(this.#hash.digest());
  }

  reset(): void {
    this.#hash = this.#fresh();
  }

  #fresh(): Hash | Hmac {
    return this.#secret === undefined ? createHash('sha256') : createHmac('sha256', this.#secret);
  }
}

function toBytes(data: ArrayBuffer | ArrayBufferView): Uint8Array {
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}
