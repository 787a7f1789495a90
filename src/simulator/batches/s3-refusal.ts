/** What S3 refuses, by its own codes. */
import type { Refusal, Rendered } from '../apis/contract.ts';
import { node, writeXml } from './s3-xml.ts';

const statuses = {
  BadDigest: 400,
  EntityTooSmall: 400,
  IncompleteBody: 400,
  InvalidArgument: 400,
  InvalidChunkSizeError: 400,
  InvalidPart: 400,
  InvalidPartOrder: 400,
  InvalidRange: 416,
  MalformedXML: 400,
  NoSuchBucket: 404,
  NoSuchKey: 404,
  NoSuchUpload: 404,
  NotImplemented: 501,
  PreconditionFailed: 412,
} as const;

export type S3Code = keyof typeof statuses;

export class S3Refusal extends Error {
  readonly code: S3Code;
  readonly status: number;
  constructor(code: S3Code, message: string) {
    super(message);
    this.code = code;
    this.status = statuses[code];
  }
}

export const xmlHeaders = { 'content-type': 'application/xml', 'x-amz-request-id': 'simulated' };

export function writeError(code: string, message: string): string {
  return writeXml(node('Error', [node('Code', code), node('Message', message)]));
}

/** What may happen to any call, in S3's words; what only models refuse does not happen here. */
const faults: Readonly<Record<Refusal, { readonly status: number; readonly code: string }>> = {
  'bad-request': { status: 400, code: 'InvalidRequest' },
  auth: { status: 403, code: 'InvalidAccessKeyId' },
  'not-found': { status: 404, code: 'NoSuchKey' },
  'rate-limit': { status: 503, code: 'SlowDown' },
  quota: { status: 503, code: 'SlowDown' },
  'context-too-long': { status: 400, code: 'EntityTooLarge' },
  'content-filter': { status: 400, code: 'InvalidRequest' },
  overloaded: { status: 503, code: 'ServiceUnavailable' },
  'server-error': { status: 500, code: 'InternalError' },
};

export function refuseS3(refusal: Refusal, message: string, options: { readonly status?: number }): Rendered {
  const { status, code } = faults[refusal];
  const body = writeError(code, message === '' ? 'The stand-in was told to refuse this call.' : message);
  return { status: options.status ?? status, headers: xmlHeaders, body };
}
