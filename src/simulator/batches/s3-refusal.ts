/** What S3 refuses, by its own codes. */
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
